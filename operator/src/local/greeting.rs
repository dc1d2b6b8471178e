//! What to try first, printed as soon as the server serves.

use super::port_offset::PortOffset;
use super::quickstart::PASSWORD;
use crate::reconcile::build::Built;
use crate::reconcile::validate::{Encryption, Port, Validated, server};
use mailaccess_config::{
    Access, Certificate, MailboxAddress, MailboxRow, Protocol, Rules, Settings, decide,
};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// More people than that are not listed.
const LISTED: usize = 10;

/// What the greeting depends on beside the server.
#[derive(Debug)]
pub struct Place<'a> {
    /// Where the pod listens.
    pub bind: IpAddr,
    /// Added to each port.
    pub port_offset: PortOffset,
    /// The file with the MailAccessServer.
    pub file: &'a Path,
    /// Whether everybody's password is known.
    pub people: People,
}

/// Whose passwords are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// The quickstart's: everybody has the same.
    Quickstart,
    /// Somebody's own.
    Own,
}

/// The whole text.
pub fn text(validated: &Validated, built: &Built, place: &Place<'_>) -> String {
    let Some(settings) = &validated.settings else {
        return String::new();
    };
    let mut text = String::from("\n");
    let people: Vec<&MailboxAddress> = validated
        .people
        .passwords
        .iter()
        .filter_map(|(address, hash)| hash.as_ref().map(|_| address))
        .collect();
    for port in server::ports(settings) {
        if settings.protocol(port.protocol).enabled
            && let Some(address) = address(port, place)
        {
            line(&mut text, port.protocol, &address);
        }
    }
    line(&mut text, "users", &users(&people, place.people));
    for (protocols, certificate) in certificates(validated, built) {
        let leaf = certificate.leaf();
        let origin = if leaf.subject == leaf.issuer {
            "self-signed"
        } else {
            &leaf.issuer
        };
        let value = format!("{} ({protocols}; {origin})", leaf.thumbprint);
        line(&mut text, "certificate", &value);
    }
    text.push_str("\nTry:\n");
    for protocol in Protocol::ALL {
        let person = people
            .iter()
            .find(|person| may_use(validated, settings, protocol, person));
        if let Some(person) = person
            && let Some(command) = curl(settings, protocol, person, place)
        {
            let _ = writeln!(text, "  {command}");
        }
    }
    let _ = writeln!(
        text,
        "  write `banner: Hello` below `imap:` in {}\n  \
         and the next connection is greeted so, while every other one stays",
        place.file.display()
    );
    text.push_str("Ctrl-C ends it.");
    text
}

fn line(text: &mut String, name: impl std::fmt::Display, value: &str) {
    let _ = writeln!(text, "  {:<12} {value}", name.to_string());
}

fn address(port: Port, place: &Place<'_>) -> Option<String> {
    let how = match port.encryption {
        Encryption::StartTls => "plain, or TLS on request",
        Encryption::Tls => "TLS",
    };
    Some(format!("{} ({how})", endpoint(port.number, place)?))
}

/// Where a port is reached; not at all if the offset leaves it no place, which its status says. An IPv6
/// address stands in brackets.
fn endpoint(port: u16, place: &Place<'_>) -> Option<SocketAddr> {
    Some((place.bind, place.port_offset.of(port)?).into())
}

fn users(people: &[&MailboxAddress], known: People) -> String {
    let mut text = people
        .iter()
        .take(LISTED)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if people.len() > LISTED {
        let _ = write!(text, " and {} more", people.len() - LISTED);
    }
    if people.is_empty() {
        text.push_str("none");
    } else if known == People::Quickstart {
        let _ = write!(text, " (password: {PASSWORD})");
    }
    text
}

/// What answers a client that names no host, and for which protocols.
fn certificates<'a>(validated: &'a Validated, built: &'a Built) -> Vec<(String, &'a Certificate)> {
    let bound = |protocol: Protocol| {
        let choice = validated.bindings.choices.get(&protocol)?;
        let mut bindings = validated.bindings.objects.iter();
        bindings.find_map(|binding| {
            let certificate = binding.certificate.as_ref();
            certificate.filter(|certificate| *certificate.id() == choice.default)
        })
    };
    let mut shown: Vec<(String, &Certificate)> = Vec::new();
    for protocol in Protocol::ALL {
        let Some(certificate) = bound(protocol).or(built.self_signed.as_ref()) else {
            continue;
        };
        match shown.last_mut() {
            Some((protocols, last)) if last.id() == certificate.id() => {
                let _ = write!(protocols, " and {protocol}");
            }
            _ => shown.push((protocol.to_string(), certificate)),
        }
    }
    shown
}

/// By the pod's own rule.
fn may_use(
    validated: &Validated,
    settings: &Settings,
    protocol: Protocol,
    person: &MailboxAddress,
) -> bool {
    let row = MailboxRow {
        rights: validated
            .mailboxes
            .mailboxes
            .get(person)
            .copied()
            .unwrap_or_default(),
        groups: validated
            .people
            .groups_of
            .get(person)
            .cloned()
            .unwrap_or_default(),
    };
    let rules = Rules {
        groups: validated.mailboxes.groups.clone(),
    };
    decide(settings, &rules, Some(&row), protocol, person) == Access::Allowed
}

/// Fetches the first message, with TLS where there is a port for it.
fn curl(
    settings: &Settings,
    protocol: Protocol,
    person: &MailboxAddress,
    place: &Place<'_>,
) -> Option<String> {
    if !settings.protocol(protocol).enabled {
        return None;
    }
    let ports = server::ports(settings);
    let of = |encryption: Encryption| {
        ports
            .iter()
            .find(|port| port.protocol == protocol && port.encryption == encryption)
    };
    let (scheme, message) = match protocol {
        Protocol::Imap => ("imap", "INBOX;MAILINDEX=1"),
        Protocol::Pop => ("pop3", "1"),
    };
    let user = match place.people {
        People::Quickstart => format!("{person}:{PASSWORD}"),
        People::Own => person.to_string(),
    };
    let (options, scheme, port) = match (of(Encryption::Tls), of(Encryption::StartTls)) {
        (Some(port), _) => ("-k", format!("{scheme}s"), port),
        (None, Some(port)) => ("-k --ssl-reqd", scheme.to_owned(), port),
        (None, None) => return None,
    };
    let endpoint = endpoint(port.number, place)?;
    Some(format!(
        "curl {options} --user {user} '{scheme}://{endpoint}/{message}'"
    ))
}
