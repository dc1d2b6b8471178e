//! What all loaded documents together mean: an immutable value that connections share.

use mailaccess_config::{
    Access, Certificate, Certificates, Cost, Credentials, Denied, DocumentName, MailboxAddress,
    MailboxRow, Mailboxes, PasswordHash, Protocol, Rules, Settings, Shard, decide,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is in force now. A document that was never seen is missing, and whatever needs it is denied.
#[derive(Debug, Clone)]
pub struct Effective {
    settings: Option<Arc<Settings>>,
    certificates: Arc<Certificates>,
    rules: Option<Arc<Rules>>,
    mailboxes: [Option<Arc<Mailboxes>>; Shard::COUNT],
    credentials: [Option<Arc<Credentials>>; Shard::COUNT],
    prevailing: Cost,
}

/// A complete set, to begin with something else than files.
#[derive(Debug)]
pub struct Whole {
    /// What the server is.
    pub settings: Settings,
    /// What its settings name.
    pub certificates: Certificates,
    /// What is said of groups.
    pub rules: Rules,
    /// What is said of mailboxes.
    pub mailboxes: BTreeMap<MailboxAddress, MailboxRow>,
    /// Everybody's password.
    pub credentials: BTreeMap<MailboxAddress, PasswordHash>,
}

/// What is known of somebody's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password<'a> {
    /// The document that would say it was never seen.
    NotLoaded,
    /// There is no such person.
    Unknown,
    /// This one.
    Known(&'a PasswordHash),
}

/// Why a protocol may not be used with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAllowed {
    /// This document was never seen.
    NotLoaded(DocumentName),
    /// They say no.
    Denied(Denied),
}

impl Default for Effective {
    /// Nothing loaded: everything is denied.
    fn default() -> Self {
        Self {
            settings: None,
            certificates: Arc::default(),
            rules: None,
            mailboxes: Default::default(),
            credentials: Default::default(),
            prevailing: Cost::NEW,
        }
    }
}

impl From<Whole> for Effective {
    fn from(whole: Whole) -> Self {
        let mut effective = Self::default();
        effective.set_serving(Arc::new(whole.settings), Arc::new(whole.certificates));
        effective.set_rules(Arc::new(whole.rules));
        let mut mailboxes: [Mailboxes; Shard::COUNT] = Default::default();
        for (address, row) in whole.mailboxes {
            mailboxes[address.shard().index()].rows.insert(address, row);
        }
        let mut credentials: [Credentials; Shard::COUNT] = Default::default();
        for (address, hash) in whole.credentials {
            credentials[address.shard().index()]
                .rows
                .insert(address, hash);
        }
        for (shard, (mailboxes, credentials)) in
            Shard::all().zip(mailboxes.into_iter().zip(credentials))
        {
            effective.set_mailboxes(shard, Arc::new(mailboxes));
            effective.set_credentials(shard, Arc::new(credentials));
        }
        effective
    }
}

impl Effective {
    /// What the server is, once that was seen.
    pub fn settings(&self) -> Option<&Arc<Settings>> {
        self.settings.as_ref()
    }

    /// Every certificate that the settings name.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// What to show in a handshake of this protocol to a client that asks for this name.
    pub fn certificate(
        &self,
        protocol: Protocol,
        server_name: Option<&str>,
    ) -> Option<&Certificate> {
        let choice = self
            .settings
            .as_ref()?
            .protocol(protocol)
            .certificates
            .as_ref()?;
        self.certificates.by_id.get(choice.choose(server_name))
    }

    /// What is known of this person's password.
    pub fn password(&self, address: &MailboxAddress) -> Password<'_> {
        match &self.credentials[address.shard().index()] {
            None => Password::NotLoaded,
            Some(shard) => shard
                .rows
                .get(address)
                .map_or(Password::Unknown, Password::Known),
        }
    }

    /// Whether this mailbox may be used by this protocol, whoever knows its password.
    pub fn access(&self, protocol: Protocol, address: &MailboxAddress) -> Result<(), NotAllowed> {
        let missing = |document| move || NotAllowed::NotLoaded(document);
        let settings = self
            .settings
            .as_ref()
            .ok_or_else(missing(DocumentName::Settings))?;
        let rules = self
            .rules
            .as_ref()
            .ok_or_else(missing(DocumentName::Rules))?;
        let shard = address.shard();
        let row = self.mailboxes[shard.index()]
            .as_ref()
            .ok_or_else(missing(DocumentName::Mailboxes(shard)))?
            .rows
            .get(address);
        match decide(settings, rules, row, protocol, address) {
            Access::Allowed => Ok(()),
            Access::Denied(denied) => Err(NotAllowed::Denied(denied)),
        }
    }

    /// The scheme and parameters that most people have: what a verification usually takes.
    pub fn prevailing(&self) -> Cost {
        self.prevailing
    }

    pub(super) fn set_serving(&mut self, settings: Arc<Settings>, certificates: Arc<Certificates>) {
        self.settings = Some(settings);
        self.certificates = certificates;
    }

    pub(super) fn set_rules(&mut self, rules: Arc<Rules>) {
        self.rules = Some(rules);
    }

    pub(super) fn set_mailboxes(&mut self, shard: Shard, mailboxes: Arc<Mailboxes>) {
        self.mailboxes[shard.index()] = Some(mailboxes);
    }

    pub(super) fn set_credentials(&mut self, shard: Shard, credentials: Arc<Credentials>) {
        self.credentials[shard.index()] = Some(credentials);
        let mut people: BTreeMap<Cost, usize> = BTreeMap::new();
        for (cost, count) in self
            .credentials
            .iter()
            .flatten()
            .flat_map(|credentials| credentials.costs())
        {
            *people.entry(cost).or_default() += count;
        }
        // As many of one as of another: the dearer.
        self.prevailing = people
            .into_iter()
            .max_by_key(|(cost, count)| (*count, *cost))
            .map_or(Cost::NEW, |(cost, _)| cost);
    }
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded(document) => write!(f, "{document} was never loaded"),
            Self::Denied(denied) => fmt::Display::fmt(denied, f),
        }
    }
}
