//! MailAccessServer: one mail access service, its protocols, people and store.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]
#![expect(
    clippy::struct_excessive_bools,
    reason = "one right a protocol in MailboxDefaults, each required to be said"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Condition, ProtocolSettings, SecretRef, ServiceSettings, Store, condition::unobserved, pattern,
};

/// What is wanted of a mail access service.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "mailaccess.dev",
    version = "v1alpha1",
    kind = "MailAccessServer",
    doc = "A POP3 and IMAP4 service over one mail store: ports, limits, people and pods.",
    namespaced,
    derive = "PartialEq",
    status = "MailAccessServerStatus",
    shortname = "mas",
    category = "mailaccess",
    selectable = ".spec.imap.enabled",
    selectable = ".spec.pop.enabled",
    selectable = ".spec.service.type",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Whether every pod serves what is wanted"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why, or why not"),
    printcolumn(name = "Serving", type_ = "integer", json_path = ".status.podsServing", description = "Pods that serve what is wanted"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.podsWanted", description = "Pods that should"),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.addresses[0]", description = "Where clients reach it"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "How long it has been there"),
    printcolumn(name = "IMAP", type_ = "boolean", json_path = ".spec.imap.enabled", priority = 1, description = "Whether IMAP4 is served"),
    printcolumn(name = "POP", type_ = "boolean", json_path = ".spec.pop.enabled", priority = 1, description = "Whether POP3 is served"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1, description = "The reason in a sentence"),
    validation = (
        "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
        "metadata.name must be a lower-case DNS label of at most 40 characters that begins with a letter: a Service gets this name"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "(self.imap.unencryptedOrTLSBindings.map(b, b.port) + self.imap.sslBindings.map(b, b.port) + self.pop.unencryptedOrTLSBindings.map(b, b.port) + self.pop.sslBindings.map(b, b.port)).all(p, (self.imap.unencryptedOrTLSBindings.map(b, b.port) + self.imap.sslBindings.map(b, b.port) + self.pop.unencryptedOrTLSBindings.map(b, b.port) + self.pop.sslBindings.map(b, b.port)).exists_one(q, q == p))",
    "a port must stand only once in all bindings of imap and pop"
))]
#[x_kube(validation = (
    "!has(self.defaultDomain) || self.domains.exists(d, d.name == self.defaultDomain)",
    "defaultDomain must be the name of one of the domains"
))]
#[x_kube(validation = (
    "self.domains.all(a, !has(a.netbiosName) || self.domains.exists_one(b, has(b.netbiosName) && b.netbiosName.lowerAscii() == a.netbiosName.lowerAscii()))",
    "two domains must not have the same netbiosName, upper and lower case being equal"
))]
pub struct MailAccessServerSpec {
    /// IMAP4. Default: disabled, on ports 143 and 993. Exchange: Set-ImapSettings. hot
    #[serde(default = "ProtocolSettings::imap")]
    pub imap: ProtocolSettings,
    /// POP3. Default: disabled, on ports 110 and 995. Exchange: Set-PopSettings. hot
    #[serde(default = "ProtocolSettings::pop")]
    pub pop: ProtocolSettings,
    /// What holds for a mailbox of which no CASMailbox says otherwise. No default: nothing is open by accident. hot
    pub mailbox_defaults: MailboxDefaults,
    /// Domains of the service; at most 256. Default: none. Exchange: New-AcceptedDomain. hot
    #[serde(default)]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub domains: Vec<Domain>,
    /// Domain of people who log on without one; one of `domains`. Default: none, they must name theirs. Exchange: the default
    /// accepted domain. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::DOMAIN))]
    pub default_domain: Option<String>,
    /// How people are known. Default: nobody is. hot
    #[serde(default)]
    pub authentication: Authentication,
    /// Where mail lies. rolls the pods
    pub store: Store,
    /// Number of pods, 0 to 1000; an autoscaler may set it by the scale subresource. Default: 2. hot
    #[serde(default = "replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// The Service that clients reach the pods by. Default: a LoadBalancer that keeps the client's address. hot
    #[serde(default)]
    pub service: ServiceSettings,
    /// The image of the pods. Default: the one that the operator was built with. rolls the pods
    #[serde(default)]
    pub image: Image,
}

/// What holds for a mailbox of which no CASMailbox says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailboxDefaults {
    /// Whether a mailbox may be read by IMAP4. No default. Exchange: ImapEnabled of Set-CASMailbox. hot
    pub imap_enabled: bool,
    /// Whether a mailbox may be read by POP3. No default. Exchange: PopEnabled of Set-CASMailbox. hot
    pub pop_enabled: bool,
}

/// A domain whose people the service knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The domain after the `@` of an address, in lower case, at most 253 characters. No default. hot
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::DOMAIN))]
    pub name: String,
    /// The name before the `\` of `DOMAIN\user`, at most 15 characters; case does not matter. Default: none, that form is not
    /// understood for this domain. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15), regex(pattern = pattern::NETBIOS_NAME))]
    pub netbios_name: Option<String>,
}

/// How people are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// Where people and their passwords are looked up, in this order: the first source that knows a person decides. At most 8.
    /// Default: none, nobody can log on. hot
    #[serde(default)]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = (
        "self.all(a, self.exists_one(b, b.name == a.name))",
        "two sources must not have the same name"
    ))]
    pub sources: Vec<Source>,
}

/// One place where people are looked up: exactly one kind of place, of which there is one so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.users)", "must name exactly one kind of source: users"))]
pub struct Source {
    /// Name by which status and logs speak of it, a DNS label of at most 40 characters. No default. hot
    #[schemars(length(min = 1, max = 40), regex(pattern = pattern::SERVER_NAME))]
    pub name: String,
    /// People listed in Secrets. No default. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Users>,
}

/// People listed in Secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// Secrets with the keys `passwd` (lines `address:{SCHEME}hash`) and, if wanted, `group` (lines `Name: address, address`),
    /// in this order: the first that knows a person decides. 1 to 16. No default. hot
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = (
        "self.all(a, self.exists_one(b, b.name == a.name))",
        "a Secret must not be named twice"
    ))]
    pub secret_refs: Vec<SecretRef>,
}

/// The image of the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Image reference, at most 512 characters. Default: the one that the operator was built with. rolls the pods
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = pattern::IMAGE))]
    pub reference: Option<String>,
    /// When a node fetches the image. Default: as Kubernetes does, IfNotPresent unless the tag is latest. rolls the pods
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Secrets that open the registry; at most 8. Default: none. rolls the pods
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub pull_secrets: Vec<SecretRef>,
}

/// When a node fetches the image. Default: as Kubernetes does, IfNotPresent unless the tag is latest. rolls the pods
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// At every start.
    Always,
    /// When it is not there.
    IfNotPresent,
    /// Not at all.
    Never,
}

/// What is served of a MailAccessServer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailAccessServerStatus {
    /// The generation that this status is about; -1 while there is none. hot
    #[serde(default = "unobserved")]
    #[schemars(range(min = -1))]
    pub observed_generation: i64,
    /// Accepted, ResolvedRefs, Programmed, Ready, Reconciling and Stalled. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// IP addresses and host names where clients reach the Service. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub addresses: Vec<String>,
    /// Ports of the Service. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into()]))]
    pub ports: Vec<StatusPort>,
    /// Pods that should serve what is wanted. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub pods_wanted: Option<i32>,
    /// Pods of those that said they serve it, terminating ones included. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub pods_serving: Option<i32>,
    /// Digest of the documents that are wanted: what pods name in their own status. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub wanted_digest: Option<String>,
    /// Pods there are, for the scale subresource. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// Labels of the pods, for the scale subresource. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub selector: Option<String>,
}

/// A port of the Service and what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusPort {
    /// The port. hot
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The port's name in the Service, such as imap, imaps, pop3 or pop3s-9995. hot
    #[schemars(length(min = 1, max = 15))]
    pub name: String,
}

impl Default for MailAccessServerStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            conditions: Vec::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            pods_wanted: None,
            pods_serving: None,
            wanted_digest: None,
            replicas: None,
            selector: None,
        }
    }
}

fn replicas() -> i32 {
    2
}
