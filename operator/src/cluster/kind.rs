//! The kinds of objects that are read, each with what its watch asks for.

use kube::core::ApiResource;
use mailaccess_crds::{GROUP, VERSION};

/// A kind that the operator watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Ours.
    MailAccessServer,
    /// Ours.
    CASMailbox,
    /// Ours.
    CertificateBinding,
    /// People, certificates, and the documents that hold them.
    Secret,
    /// The other documents.
    ConfigMap,
    /// What pods run under.
    ServiceAccount,
    /// What clients speak to.
    Service,
    /// How many pods may be drained.
    PodDisruptionBudget,
    /// What makes the pods.
    Deployment,
    /// What serves mail.
    Pod,
}

impl Kind {
    /// All of them. One watch each in a namespace, shared by everything.
    pub const ALL: [Self; 10] = [
        Self::MailAccessServer,
        Self::CASMailbox,
        Self::CertificateBinding,
        Self::Secret,
        Self::ConfigMap,
        Self::ServiceAccount,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::Pod,
    ];

    /// As manifests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MailAccessServer => "MailAccessServer",
            Self::CASMailbox => "CASMailbox",
            Self::CertificateBinding => "CertificateBinding",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::ServiceAccount => "ServiceAccount",
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Deployment => "Deployment",
            Self::Pod => "Pod",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its `apiVersion`.
    pub fn api_version(self) -> String {
        self.api_resource().api_version
    }

    /// Where the API server has it.
    pub fn api_resource(self) -> ApiResource {
        let (group, version) = match self {
            Self::MailAccessServer | Self::CASMailbox | Self::CertificateBinding => {
                (GROUP, VERSION)
            }
            Self::Deployment => ("apps", "v1"),
            Self::PodDisruptionBudget => ("policy", "v1"),
            Self::Secret | Self::ConfigMap | Self::ServiceAccount | Self::Service | Self::Pod => {
                ("", "v1")
            }
        };
        let api_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: self.as_str().to_owned(),
            plural: self.plural().to_owned(),
        }
    }

    /// As URLs and rules of RBAC spell it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::MailAccessServer => "mailaccessservers",
            Self::CASMailbox => "casmailboxes",
            Self::CertificateBinding => "certificatebindings",
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
            Self::ServiceAccount => "serviceaccounts",
            Self::Service => "services",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
            Self::Deployment => "deployments",
            Self::Pod => "pods",
        }
    }

    /// Which of them are of no interest, so that they are never sent: releases of Helm are Secrets of up to
    /// a megabyte, and a namespace has other people's pods.
    pub fn field_selector(self) -> Option<&'static str> {
        (self == Self::Secret).then_some("type!=helm.sh/release.v1")
    }

    /// Whether the operator writes its status.
    pub fn has_status(self) -> bool {
        matches!(
            self,
            Self::MailAccessServer | Self::CASMailbox | Self::CertificateBinding
        )
    }

    /// Likewise, by labels.
    pub fn label_selector(self) -> Option<&'static str> {
        (self == Self::Pod).then_some("app.kubernetes.io/name=mailaccess")
    }
}
