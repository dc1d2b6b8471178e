//! How one protocol is offered: on which ports, in which words, to how many and for how long.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, pattern};

/// Settings of one protocol, IMAP4 or POP3.
///
/// The defaults of `banner` and of the two lists of bindings differ between the protocols; the schema holds them, so an
/// object that the API server (or [`crate::admission`]) has seen is always complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolSettings {
    /// Whether the protocol is served. Default: false, nothing runs until asked. Exchange: the state of the services
    /// MSExchangeIMAP4 and MSExchangePOP3. hot
    #[serde(default)]
    pub enabled: bool,
    /// What a client is greeted with: 1 to 200 characters of printable ASCII without `<`, not beginning with a space or `[`,
    /// nor with Exchange's own words, by which clients choose their workarounds. Default: "IMAP4 service ready" and
    /// "POP3 service ready". Exchange: Banner. hot
    #[schemars(length(min = 1, max = 200), regex(pattern = pattern::BANNER))]
    #[x_kube(validation = (
        "!self.lowerAscii().startsWith('the microsoft exchange') && !self.lowerAscii().startsWith('microsoft exchange')",
        "must not begin as Exchange's own banner: clients would apply workarounds for a server that this is not"
    ))]
    pub banner: String,
    /// When a password may be sent: SecureLogin only inside TLS, PlainTextLogin always. Default: SecureLogin. Exchange:
    /// LoginType. hot
    #[serde(default)]
    pub login_type: LoginType,
    /// Ports where a session begins in clear text and may turn to TLS by STARTTLS or STLS; an empty list closes them. At
    /// most 16. Default: port 143 and port 110. Exchange: UnencryptedOrTLSBindings. hot
    #[serde(rename = "unencryptedOrTLSBindings")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into()]))]
    pub unencrypted_or_tls_bindings: Vec<Binding>,
    /// Ports where TLS begins with the first byte; an empty list closes them. At most 16. Default: port 993 and port 995.
    /// Exchange: SSLBindings. hot
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into()]))]
    pub ssl_bindings: Vec<Binding>,
    /// Connections of this protocol that one pod holds at a time, logged in or not, 1 to 1000000. Default: 2000 per pod.
    /// Exchange: MaxConnections. hot
    #[serde(default = "max_connections")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: i32,
    /// How long a client may be silent before it has logged in, 10s to 1h. Default: 60s. Exchange:
    /// PreAuthenticatedConnectionTimeout. hot
    #[serde(default = "pre_authenticated_connection_timeout")]
    #[x_kube(validation = (
        "duration(self) >= duration('10s') && duration(self) <= duration('1h')",
        "must be between 10s and 1h"
    ))]
    pub pre_authenticated_connection_timeout: Duration,
    /// How long a client may be silent after it has logged in, 30s to 24h; RFC 3501 asks for 30m at least. Default: 30m.
    /// Exchange: AuthenticatedConnectionTimeout. hot
    #[serde(default = "authenticated_connection_timeout")]
    #[x_kube(validation = (
        "duration(self) >= duration('30s') && duration(self) <= duration('24h')",
        "must be between 30s and 24h"
    ))]
    pub authenticated_connection_timeout: Duration,
}

/// One port that is listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The port of the listener, of the pod and of the Service alike, 1 to 65535 but not 9143, where pods answer for their
    /// health. A port stands once in all four lists. No default. Exchange: the port of UnencryptedOrTLSBindings and
    /// SSLBindings. hot
    #[schemars(range(min = 1, max = 65535))]
    #[x_kube(validation = ("self != 9143", "9143 is the admin port of every pod"))]
    pub port: u16,
}

/// When a password may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoginType {
    /// Always, also in clear text.
    PlainTextLogin,
    /// Only inside TLS.
    #[default]
    SecureLogin,
}

impl ProtocolSettings {
    /// IMAP4 as it is when nothing is said.
    pub fn imap() -> Self {
        Self::new("IMAP4 service ready", 143, 993)
    }

    /// POP3 as it is when nothing is said.
    pub fn pop() -> Self {
        Self::new("POP3 service ready", 110, 995)
    }

    fn new(banner: &str, unencrypted_or_tls: u16, ssl: u16) -> Self {
        Self {
            enabled: false,
            banner: banner.to_owned(),
            login_type: LoginType::default(),
            unencrypted_or_tls_bindings: vec![Binding {
                port: unencrypted_or_tls,
            }],
            ssl_bindings: vec![Binding { port: ssl }],
            max_connections: max_connections(),
            pre_authenticated_connection_timeout: pre_authenticated_connection_timeout(),
            authenticated_connection_timeout: authenticated_connection_timeout(),
        }
    }
}

fn max_connections() -> i32 {
    2000
}

fn pre_authenticated_connection_timeout() -> Duration {
    Duration::from_secs(60)
}

fn authenticated_connection_timeout() -> Duration {
    Duration::from_mins(30)
}
