//! What people type as their name, and whose mailbox it means.
//!
//! ```text
//! user            of the default domain
//! user@domain     of a configured domain
//! DOMAIN\user     of the domain with this NetBIOS name, or of this name
//! ```
//! Nothing else is ever a name: no alias, no slash, no second backslash, which in Exchange names another
//! person's mailbox.

use crate::settings::Settings;
use crate::{DomainName, MailboxAddress};

/// The mailbox that a logon name means, if it can mean one. Says nothing about whether it exists.
pub fn resolve(settings: &Settings, name: &str) -> Option<MailboxAddress> {
    let (user, domain) = if let Some((domain, user)) = name.split_once('\\') {
        (user, domain_by_either_name(settings, domain)?)
    } else if let Some((user, domain)) = name.split_once('@') {
        (user, domain_by_name(settings, domain)?)
    } else {
        (name, settings.default_domain.as_ref()?)
    };
    // A second separator is no character of a local part.
    MailboxAddress::new(user, domain).ok()
}

fn domain_by_name<'a>(settings: &'a Settings, name: &str) -> Option<&'a DomainName> {
    settings
        .domains
        .iter()
        .map(|domain| &domain.name)
        .find(|domain| domain.as_str().eq_ignore_ascii_case(name))
}

fn domain_by_either_name<'a>(settings: &'a Settings, name: &str) -> Option<&'a DomainName> {
    settings
        .domains
        .iter()
        .find(|domain| {
            domain
                .netbios_name
                .as_ref()
                .is_some_and(|netbios| netbios.eq_ignore_ascii_case(name))
        })
        .map(|domain| &domain.name)
        .or_else(|| domain_by_name(settings, name))
}
