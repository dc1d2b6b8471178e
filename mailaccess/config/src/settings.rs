//! The `settings` document: what one server is, as pods obey it.

use crate::certificates::CertificateId;
use crate::{ContentError, DomainName, PathTemplate};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The port of health, status and metrics, which nobody else can have.
pub const ADMIN_PORT: u16 = 9143;
/// The most bindings in one list.
pub const BINDINGS_LIMIT: usize = 16;
/// The most domains.
pub const DOMAINS_LIMIT: usize = 256;
const CONNECTIONS_LIMIT: u32 = 1_000_000;
const BANNER_LIMIT: usize = 200;
const NETBIOS_LIMIT: usize = 15;

/// A protocol that people read mail with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// IMAP4rev1, RFC 3501.
    Imap,
    /// POP3, RFC 1939.
    Pop,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Imap, Self::Pop];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Imap => "IMAP",
            Self::Pop => "POP",
        })
    }
}

/// Everything about one server that is hot, and where its mail lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// `namespace/name` of the MailAccessServer, for logs and status.
    pub server: String,
    /// IMAP4.
    pub imap: ProtocolSettings,
    /// POP3.
    pub pop: ProtocolSettings,
    /// What a mailbox may that nothing else is said of.
    pub mailbox_defaults: MailboxDefaults,
    /// The domains whose people may log on.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// Whose people log on without naming it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_domain: Option<DomainName>,
    /// Where mail lies.
    pub store: Store,
}

/// One protocol's settings, by the names of `Set-ImapSettings` and `Set-PopSettings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProtocolSettings {
    /// Whether it runs.
    pub enabled: bool,
    /// Text of the greeting.
    pub banner: Banner,
    /// What may be used to log on without TLS.
    pub login_type: LoginType,
    /// Ports that begin in the clear.
    pub unencrypted_or_tls_bindings: Vec<Binding>,
    /// Ports that begin with TLS.
    pub ssl_bindings: Vec<Binding>,
    /// The most connections a pod holds at once.
    pub max_connections: u32,
    /// How long a connection may be silent before somebody has logged on.
    pub pre_authenticated_connection_timeout_secs: u32,
    /// How long afterwards.
    pub authenticated_connection_timeout_secs: u32,
    /// What to show in a handshake; nothing, and there is no TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<CertificateChoice>,
}

/// A port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// The same in pod and Service.
    pub port: u16,
}

/// `LoginType`: what a connection without TLS may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginType {
    /// 1: name and password are taken also in the clear.
    PlainTextLogin,
    /// 3: nothing authenticates before TLS.
    SecureLogin,
}

/// Text of a greeting: printable ASCII of at most 200 characters, without `<` (in POP3 that would be APOP's
/// timestamp) and without a leading `[` (a response code).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Banner(Arc<str>);

/// A text that cannot stand in a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a banner is 1 to {BANNER_LIMIT} printable ASCII characters without < and without a leading ["
)]
pub struct InvalidBanner;

/// Which certificate answers to which name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateChoice {
    /// When the client names no server, or one that is not known.
    pub default: CertificateId,
    /// Host names in lower case, or `*.` and a domain.
    #[serde(default)]
    pub names: BTreeMap<String, CertificateId>,
}

/// What applies to a mailbox when neither it nor one of its groups has a rule.
#[expect(
    clippy::struct_excessive_bools,
    reason = "two independent switches, one a protocol"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailboxDefaults {
    /// IMAP.
    pub imap_enabled: bool,
    /// POP.
    pub pop_enabled: bool,
}

/// A domain whose people may log on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Domain {
    /// As in addresses.
    pub name: DomainName,
    /// As in `DOMAIN\user`; compared without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbios_name: Option<String>,
}

/// Where mail lies: directories on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// Below the volume's root.
    pub path: PathTemplate,
    /// How folders lie in a mailbox.
    pub layout: Layout,
    /// The mail's owner.
    pub run_as_user: u32,
    /// The mail's group.
    pub run_as_group: u32,
}

/// How folders lie in a Maildir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// `.Folder.Sub` beside `cur`, `new` and `tmp`, as Dovecot and Courier do.
    MaildirPlusPlus,
}

impl Settings {
    /// The document's content. Equal settings give equal text.
    pub fn to_text(&self) -> Result<String, ContentError> {
        serde_yaml::to_string(self).map_err(|error| ContentError::Yaml(error.to_string()))
    }

    /// Reads a document's content.
    pub fn from_text(text: &str) -> Result<Self, ContentError> {
        let settings: Self =
            serde_yaml::from_str(text).map_err(|error| ContentError::Yaml(error.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    /// One protocol's part.
    pub fn protocol(&self, protocol: Protocol) -> &ProtocolSettings {
        match protocol {
            Protocol::Imap => &self.imap,
            Protocol::Pop => &self.pop,
        }
    }

    /// Whether people of this domain may log on.
    pub fn has_domain(&self, name: &str) -> bool {
        self.domains
            .iter()
            .any(|domain| domain.name.as_str() == name)
    }

    /// The certificates that must be loaded before these settings can be obeyed.
    pub fn certificate_ids(&self) -> BTreeSet<&CertificateId> {
        [&self.imap, &self.pop]
            .into_iter()
            .filter_map(|protocol| protocol.certificates.as_ref())
            .flat_map(|choice| std::iter::once(&choice.default).chain(choice.names.values()))
            .collect()
    }

    /// Everything that no single value shows: bounds, uniqueness, references.
    fn check(&self) -> Result<(), ContentError> {
        self.check_domains()?;
        let mut ports = BTreeSet::from([0, ADMIN_PORT]);
        for protocol in Protocol::ALL {
            let part = self.protocol(protocol);
            let name = |field: &str| format!("{}.{field}", protocol.to_string().to_lowercase());
            for (list, bindings) in [
                (
                    "unencryptedOrTLSBindings",
                    &part.unencrypted_or_tls_bindings,
                ),
                ("sslBindings", &part.ssl_bindings),
            ] {
                if bindings.len() > BINDINGS_LIMIT {
                    return Err(ContentError::field(name(list), "at most 16 bindings"));
                }
                if let Some(twice) = bindings.iter().find(|binding| !ports.insert(binding.port)) {
                    let reason = format!("port {} is reserved or stands twice", twice.port);
                    return Err(ContentError::field(name(list), reason));
                }
            }
            for (field, value, bounds) in [
                (
                    "maxConnections",
                    part.max_connections,
                    1..=CONNECTIONS_LIMIT,
                ),
                (
                    "preAuthenticatedConnectionTimeout",
                    part.pre_authenticated_connection_timeout_secs,
                    10..=3600,
                ),
                (
                    "authenticatedConnectionTimeout",
                    part.authenticated_connection_timeout_secs,
                    30..=86_400,
                ),
            ] {
                if !bounds.contains(&value) {
                    let reason = format!("{} to {}", bounds.start(), bounds.end());
                    return Err(ContentError::field(name(field), reason));
                }
            }
        }
        Ok(())
    }

    fn check_domains(&self) -> Result<(), ContentError> {
        let fault = |reason: String| Err(ContentError::field("domains", reason));
        if self.domains.len() > DOMAINS_LIMIT {
            return fault(format!("at most {DOMAINS_LIMIT} domains"));
        }
        // Both kinds of name may stand before a backslash, so no name may mean two domains.
        let mut names: BTreeMap<String, &DomainName> = BTreeMap::new();
        for domain in &self.domains {
            if names
                .insert(domain.name.as_str().to_owned(), &domain.name)
                .is_some()
            {
                return fault(format!("{} stands twice", domain.name));
            }
        }
        for domain in &self.domains {
            let Some(netbios) = &domain.netbios_name else {
                continue;
            };
            if !is_netbios_name(netbios) {
                return fault(format!("{netbios:?} is no NetBIOS name"));
            }
            let other = names.insert(netbios.to_ascii_lowercase(), &domain.name);
            if other.is_some_and(|other| *other != domain.name) {
                return fault(format!("{netbios} means two domains"));
            }
        }
        if let Some(default) = &self.default_domain
            && !self.has_domain(default.as_str())
        {
            let reason = format!("{default} is not one of the domains");
            return Err(ContentError::field("defaultDomain", reason));
        }
        if self.domains.len() > 1 && !self.store.path.tells_domains_apart() {
            let reason = "needs {domain}, since there is more than one";
            return Err(ContentError::field("store.path", reason));
        }
        Ok(())
    }
}

fn is_netbios_name(name: &str) -> bool {
    (1..=NETBIOS_LIMIT).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\\/@:*?\"<>|,".contains(&b))
}

impl MailboxDefaults {
    /// Whether a protocol is open to everybody.
    pub fn enabled(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Imap => self.imap_enabled,
            Protocol::Pop => self.pop_enabled,
        }
    }
}

impl CertificateChoice {
    /// The certificate for a client that asks for this name: of the exact name, else of a wildcard that
    /// covers its first label, else the default.
    pub fn choose(&self, server_name: Option<&str>) -> &CertificateId {
        server_name
            .and_then(|name| {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                self.names.get(&name).or_else(|| {
                    let (_, parent) = name.split_once('.')?;
                    self.names.get(&format!("*.{parent}"))
                })
            })
            .unwrap_or(&self.default)
    }
}

impl Banner {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl FromStr for Banner {
    type Err = InvalidBanner;

    fn from_str(text: &str) -> Result<Self, InvalidBanner> {
        let fits = (1..=BANNER_LIMIT).contains(&text.len())
            && text
                .bytes()
                .all(|b| (b' '..=b'~').contains(&b) && b != b'<')
            && !text.starts_with('[');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidBanner)
        }
    }
}

impl TryFrom<String> for Banner {
    type Error = InvalidBanner;

    fn try_from(text: String) -> Result<Self, InvalidBanner> {
        text.parse()
    }
}

impl From<Banner> for String {
    fn from(banner: Banner) -> Self {
        (*banner.0).to_owned()
    }
}
