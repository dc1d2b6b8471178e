//! What several tests of this crate need: certificates, a server with documents, connections to it.

use crate::connection::{Accepted, Security, Sessions};
use crate::documents::{Effective, Whole};
use crate::live::Live;
use crate::people::{Limits, People};
use crate::server::Server;
use crate::span::UserSpan;
use crate::tls;
use mailaccess_config::settings::{
    CertificateChoice, Domain, Layout, LoginType, MailboxDefaults, ProtocolSettings, Store,
};
use mailaccess_config::{
    Certificate, Certificates, MailboxAddress, PasswordHash, Protocol, Rules, Settings,
};
use mailaccess_store::maildir::{self, Options};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A self-signed certificate for these names.
pub(crate) fn certificate(names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    Certificate::parse(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap()
}

/// A person of the one domain.
pub(crate) fn person(name: &str) -> MailboxAddress {
    format!("{name}@example.com").parse().unwrap()
}

/// A server whose people are these, with a certificate and without ports.
pub(crate) fn whole(people: &[&str]) -> Whole {
    let shown = certificate(&["localhost"]);
    let mut certificates = Certificates::default();
    let protocol = |banner: &str| ProtocolSettings {
        enabled: true,
        banner: banner.parse().unwrap(),
        login_type: LoginType::PlainTextLogin,
        unencrypted_or_tls_bindings: Vec::new(),
        ssl_bindings: Vec::new(),
        max_connections: 2000,
        pre_authenticated_connection_timeout_secs: 60,
        authenticated_connection_timeout_secs: 1800,
        certificates: Some(CertificateChoice {
            default: shown.id().clone(),
            names: BTreeMap::new(),
        }),
    };
    let settings = Settings {
        server: "default/mail".to_owned(),
        imap: protocol("IMAP4 service ready"),
        pop: protocol("POP3 service ready"),
        mailbox_defaults: MailboxDefaults {
            imap_enabled: true,
            pop_enabled: true,
        },
        domains: vec![Domain {
            name: "example.com".parse().unwrap(),
            netbios_name: None,
        }],
        default_domain: Some("example.com".parse().unwrap()),
        store: Store {
            path: "{domain}/{local}/Maildir".parse().unwrap(),
            layout: Layout::MaildirPlusPlus,
            run_as_user: 5000,
            run_as_group: 5000,
        },
    };
    certificates.insert(shown);
    let hash: PasswordHash = "{PLAIN}secret".parse().unwrap();
    Whole {
        settings,
        certificates,
        rules: Rules::default(),
        mailboxes: BTreeMap::new(),
        credentials: people
            .iter()
            .map(|name| (person(name), hash.clone()))
            .collect(),
    }
}

/// A server with an empty volume, and where its documents come from.
pub(crate) struct Bench {
    pub(crate) server: Arc<Server>,
    pub(crate) documents: watch::Sender<Arc<Effective>>,
    pub(crate) volume: TempDir,
}

impl Bench {
    pub(crate) fn new(whole: Whole) -> Self {
        let volume = tempfile::tempdir().unwrap();
        maildir::Store::initialise(volume.path()).unwrap();
        let store = maildir::Store::open(volume.path(), Options::default());
        let (documents, receiver) = watch::channel(Arc::new(Effective::from(whole)));
        let people = People::new(Limits::default()).unwrap();
        let server = Arc::new(Server::new(receiver, store, people));
        for protocol in Protocol::ALL {
            let effective = server.effective();
            let live = Live::next(&Live::default(), &effective, protocol, tls::server_config);
            server.set_live(protocol, live.unwrap());
        }
        Self {
            server,
            documents,
            volume,
        }
    }

    /// Both ends of a connection.
    pub(crate) async fn connect(
        &self,
        protocol: Protocol,
        security: Security,
    ) -> (TcpStream, Accepted) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (socket, peer) = accepted.unwrap();
        let limit = self.server.live(protocol).max_connections;
        let place = Sessions::admit(&self.server.sessions, protocol, limit).unwrap();
        let accepted = Accepted {
            socket,
            security,
            place,
            span: UserSpan::new(protocol, security, peer),
        };
        (client.unwrap(), accepted)
    }
}
