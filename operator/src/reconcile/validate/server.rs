//! The MailAccessServer itself: the one conversion from its spec to settings and to pods.

use crate::reconcile::dereference::Operator;
use mailaccess_config::settings::{
    Banner, Binding, Domain, InvalidBanner, Layout, LoginType, MailboxDefaults, ProtocolSettings,
    Settings, Store,
};
use mailaccess_config::{ContentError, Protocol};
use mailaccess_crds as crds;
use mailaccess_crds::{MailAccessServer, MailAccessServerSpec};
use std::collections::BTreeMap;

/// What the pods, their Service and their volume look like: everything that is not hot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// How many pods.
    pub replicas: i32,
    /// What they run.
    pub image: Image,
    /// The claim of the mail's volume.
    pub claim: String,
    /// The mail's owner.
    pub run_as_user: i64,
    /// The mail's group.
    pub run_as_group: i64,
    /// How clients reach them.
    pub service: ServiceShape,
    /// On which ports.
    pub ports: Vec<Port>,
}

/// What pods run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it lies.
    pub reference: String,
    /// When a node fetches it.
    pub pull_policy: Option<String>,
    /// What opens the registry.
    pub pull_secrets: Vec<String>,
}

/// How a Service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceShape {
    /// Its type.
    pub kind: ServiceKind,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Which load balancer serves it.
    pub load_balancer_class: Option<String>,
    /// One or both IP families.
    pub ip_family_policy: Option<String>,
    /// Which ones.
    pub ip_families: Vec<String>,
    /// Whether a node passes traffic on to other nodes.
    pub external_traffic_policy: String,
}

/// The type of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// Inside the cluster only.
    ClusterIp,
    /// On every node.
    NodePort,
    /// By an address of its own.
    LoadBalancer,
}

impl ServiceKind {
    /// As Services spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// A port of Service and pod alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// What is spoken there.
    pub protocol: Protocol,
    /// When TLS begins.
    pub encryption: Encryption,
    /// Its number.
    pub number: u16,
}

/// When TLS begins on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// When the client asks for it.
    StartTls,
    /// With the first byte.
    Tls,
}

impl Port {
    /// Its name in the Service: `imap` on the usual port, `imap-1143` elsewhere.
    pub fn name(self) -> String {
        let (name, usual) = match (self.protocol, self.encryption) {
            (Protocol::Imap, Encryption::StartTls) => ("imap", 143),
            (Protocol::Imap, Encryption::Tls) => ("imaps", 993),
            (Protocol::Pop, Encryption::StartTls) => ("pop3", 110),
            (Protocol::Pop, Encryption::Tls) => ("pop3s", 995),
        };
        if self.number == usual {
            name.to_owned()
        } else {
            format!("{name}-{}", self.number)
        }
    }
}

/// Every port of a server, in the order of its spec.
pub fn ports(settings: &Settings) -> Vec<Port> {
    let mut ports = Vec::new();
    for protocol in Protocol::ALL {
        let part = settings.protocol(protocol);
        for (encryption, bindings) in [
            (Encryption::StartTls, &part.unencrypted_or_tls_bindings),
            (Encryption::Tls, &part.ssl_bindings),
        ] {
            ports.extend(bindings.iter().map(|binding| Port {
                protocol,
                encryption,
                number: binding.port,
            }));
        }
    }
    ports
}

/// Why a server's spec cannot be obeyed although it fits the schema.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// A banner.
    #[error("spec.{0}.banner: {1}")]
    Banner(&'static str, InvalidBanner),
    /// A domain.
    #[error("spec.domains[{0}].name: {1}")]
    Domain(usize, mailaccess_config::address::InvalidAddress),
    /// The default domain.
    #[error("spec.defaultDomain: {0}")]
    DefaultDomain(mailaccess_config::address::InvalidAddress),
    /// No store of a known kind.
    #[error("spec.store: it names no kind of store")]
    Store,
    /// The path of mailboxes.
    #[error("spec.store.maildir.path: {0}")]
    Path(mailaccess_config::mail_path::InvalidTemplate),
    /// A number that no pod can have.
    #[error("spec.{0}: the number is out of range")]
    Number(String),
    /// Values that contradict each other.
    #[error("spec.{0}")]
    Settings(ContentError),
}

/// The settings that a spec means, certificates apart; they are the pod's own type, and are read back by
/// the pod's own code before anybody relies on them.
pub fn settings(server: &MailAccessServer) -> Result<Settings, ServerFault> {
    let spec = &server.spec;
    let maildir = spec.store.maildir.as_ref().ok_or(ServerFault::Store)?;
    let settings = Settings {
        server: format!(
            "{}/{}",
            server.metadata.namespace.as_deref().unwrap_or_default(),
            server.metadata.name.as_deref().unwrap_or_default()
        ),
        imap: protocol_settings("imap", &spec.imap)?,
        pop: protocol_settings("pop", &spec.pop)?,
        mailbox_defaults: MailboxDefaults {
            imap_enabled: spec.mailbox_defaults.imap_enabled,
            pop_enabled: spec.mailbox_defaults.pop_enabled,
        },
        domains: domains(spec)?,
        default_domain: spec
            .default_domain
            .as_ref()
            .map(|domain| domain.parse().map_err(ServerFault::DefaultDomain))
            .transpose()?,
        store: Store {
            path: maildir.path.parse().map_err(ServerFault::Path)?,
            layout: match maildir.layout {
                crds::Layout::MaildirPlusPlus => Layout::MaildirPlusPlus,
            },
            run_as_user: number("store.maildir.runAsUser", maildir.run_as_user)?,
            run_as_group: number("store.maildir.runAsGroup", maildir.run_as_group)?,
        },
    };
    let text = settings.to_text().map_err(ServerFault::Settings)?;
    Settings::from_text(&text).map_err(ServerFault::Settings)
}

fn domains(spec: &MailAccessServerSpec) -> Result<Vec<Domain>, ServerFault> {
    spec.domains
        .iter()
        .enumerate()
        .map(|(index, domain)| {
            Ok(Domain {
                name: domain
                    .name
                    .parse()
                    .map_err(|error| ServerFault::Domain(index, error))?,
                netbios_name: domain.netbios_name.clone(),
            })
        })
        .collect()
}

fn protocol_settings(
    field: &'static str,
    spec: &crds::ProtocolSettings,
) -> Result<ProtocolSettings, ServerFault> {
    let bindings = |list: &[crds::Binding]| {
        list.iter()
            .map(|binding| Binding { port: binding.port })
            .collect()
    };
    let secs = |name: &str, duration: &crds::Duration| {
        number(&format!("{field}.{name}"), duration.as_secs())
    };
    Ok(ProtocolSettings {
        enabled: spec.enabled,
        banner: spec
            .banner
            .parse::<Banner>()
            .map_err(|error| ServerFault::Banner(field, error))?,
        login_type: match spec.login_type {
            crds::LoginType::PlainTextLogin => LoginType::PlainTextLogin,
            crds::LoginType::SecureLogin => LoginType::SecureLogin,
        },
        unencrypted_or_tls_bindings: bindings(&spec.unencrypted_or_tls_bindings),
        ssl_bindings: bindings(&spec.ssl_bindings),
        max_connections: number(&format!("{field}.maxConnections"), spec.max_connections)?,
        pre_authenticated_connection_timeout_secs: secs(
            "preAuthenticatedConnectionTimeout",
            &spec.pre_authenticated_connection_timeout,
        )?,
        authenticated_connection_timeout_secs: secs(
            "authenticatedConnectionTimeout",
            &spec.authenticated_connection_timeout,
        )?,
        certificates: None,
    })
}

fn number<T: TryInto<u32>>(field: &str, value: T) -> Result<u32, ServerFault> {
    value
        .try_into()
        .map_err(|_| ServerFault::Number(field.to_owned()))
}

/// The pods that a spec means.
pub fn workload(
    spec: &MailAccessServerSpec,
    settings: &Settings,
    operator: &Operator,
) -> Result<Workload, ServerFault> {
    let maildir = spec.store.maildir.as_ref().ok_or(ServerFault::Store)?;
    let image = &spec.image;
    Ok(Workload {
        replicas: spec.replicas,
        image: Image {
            reference: image
                .reference
                .clone()
                .unwrap_or_else(|| operator.image.clone()),
            pull_policy: image.pull_policy.map(|policy| spelled(&policy)),
            pull_secrets: image
                .pull_secrets
                .iter()
                .map(|secret| secret.name.clone())
                .collect(),
        },
        claim: maildir.persistent_volume_claim.claim_name.clone(),
        run_as_user: maildir.run_as_user,
        run_as_group: maildir.run_as_group,
        service: service(&spec.service),
        ports: ports(settings),
    })
}

fn service(spec: &crds::ServiceSettings) -> ServiceShape {
    ServiceShape {
        kind: match spec.type_ {
            crds::ServiceType::ClusterIP => ServiceKind::ClusterIp,
            crds::ServiceType::NodePort => ServiceKind::NodePort,
            crds::ServiceType::LoadBalancer => ServiceKind::LoadBalancer,
        },
        annotations: spec.annotations.clone(),
        load_balancer_class: spec.load_balancer_class.clone(),
        ip_family_policy: spec.ip_family_policy.map(|policy| spelled(&policy)),
        ip_families: spec.ip_families.iter().flatten().map(spelled).collect(),
        external_traffic_policy: spelled(&spec.external_traffic_policy),
    }
}

/// These enums spell their variants as Kubernetes does.
fn spelled(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
