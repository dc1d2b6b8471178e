//! CertificateBinding: which certificate a server shows for which services.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]
#![expect(clippy::duplicated_attributes, reason = "columns have like parts")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, SecretRef, ServerRef, condition::unobserved};

/// Binds a certificate to services of a server.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "mailaccess.dev",
    version = "v1alpha1",
    kind = "CertificateBinding",
    doc = "Binds the certificate of a Secret to services of a MailAccessServer, as Enable-ExchangeCertificate does. A client that names a host gets the certificate made for it.",
    namespaced,
    derive = "PartialEq",
    status = "CertificateBindingStatus",
    shortname = "certb",
    category = "mailaccess",
    selectable = ".spec.serverRef.name",
    selectable = ".spec.secretRef.name",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether every pod serves the certificate"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why, or why not"
    ),
    printcolumn(
        name = "Services",
        type_ = "string",
        json_path = ".spec.services",
        description = "The services it is bound to"
    ),
    printcolumn(
        name = "Expires",
        type_ = "string",
        json_path = ".status.notAfter",
        description = "When the certificate ends"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "How long it has been there"
    ),
    printcolumn(
        name = "Server",
        type_ = "string",
        json_path = ".spec.serverRef.name",
        priority = 1,
        description = "The MailAccessServer it belongs to"
    ),
    printcolumn(
        name = "Secret",
        type_ = "string",
        json_path = ".spec.secretRef.name",
        priority = 1,
        description = "The Secret with certificate and key"
    ),
    printcolumn(
        name = "Thumbprint",
        type_ = "string",
        json_path = ".status.thumbprint",
        priority = 1,
        description = "SHA-1 of the certificate, as Exchange prints it"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "The reason in a sentence"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CertificateBindingSpec {
    /// The server that shows the certificate. hot
    pub server_ref: ServerRef,
    /// A Secret of type kubernetes.io/tls with the keys tls.crt and tls.key. Exchange: Thumbprint of
    /// Enable-ExchangeCertificate. hot
    pub secret_ref: SecretRef,
    /// The services that show it; those not named keep theirs. 1 or 2. No default. Exchange: Services of
    /// Enable-ExchangeCertificate. hot
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub services: Vec<MailService>,
}

/// A service that shows a certificate.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum MailService {
    /// IMAP4.
    IMAP,
    /// POP3.
    POP,
}

/// What is served of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateBindingStatus {
    /// The generation that this status is about; -1 while there is none. hot
    #[serde(default = "unobserved")]
    #[schemars(range(min = -1))]
    pub observed_generation: i64,
    /// Accepted, ResolvedRefs, Programmed, Ready, Reconciling and Stalled. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// SHA-1 of the certificate in force, 40 hexadecimal digits, as Get-ExchangeCertificate prints it. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 40, max = 40), regex(pattern = "^[0-9A-F]{40}$"))]
    pub thumbprint: Option<String>,
    /// Subject of the certificate in force. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub subject: Option<String>,
    /// Host names that the certificate in force is made for. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub dns_names: Vec<String>,
    /// When the certificate in force ends. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Pods that should serve it. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub pods_wanted: Option<i32>,
    /// Pods of those that said they serve it, terminating ones included. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub pods_serving: Option<i32>,
}

impl Default for CertificateBindingStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            conditions: Vec::new(),
            thumbprint: None,
            subject: None,
            dns_names: Vec::new(),
            not_after: None,
            pods_wanted: None,
            pods_serving: None,
        }
    }
}
