//! Tests of the crate's public face, one file a subject. Every parser is fed valid input, valid input with
//! a few bytes changed, and noise.

mod access;
mod certificates;
mod document;
mod names;
mod password;
mod people_files;
mod settings;
mod shards;

use crate::Settings;
use proptest::prelude::*;

/// What a quickstart publishes, without certificates.
pub(crate) const SETTINGS: &str = r#"
server: default/mail
imap:
  enabled: true
  banner: IMAP4 service ready
  loginType: SecureLogin
  unencryptedOrTlsBindings: [{port: 143}]
  sslBindings: [{port: 993}]
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
pop:
  enabled: true
  banner: POP3 service ready
  loginType: PlainTextLogin
  unencryptedOrTlsBindings: [{port: 110}]
  sslBindings: [{port: 995}]
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
mailboxDefaults: {imapEnabled: false, popEnabled: false}
domains:
- {name: example.com, netbiosName: EXAMPLE}
- {name: robichaux.net, netbiosName: Robichaux}
defaultDomain: example.com
store: {path: "{domain}/{local}/Maildir", layout: MaildirPlusPlus, runAsUser: 5000, runAsGroup: 5000}
"#;

pub(crate) fn settings() -> Settings {
    Settings::from_text(SETTINGS).unwrap()
}

/// Valid bytes with a few changed, cut out or put in.
pub(crate) fn mutated(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    prop::collection::vec(edit, 1..6).prop_map(move |edits| {
        let mut bytes = valid.clone();
        for (place, byte, kind) in edits {
            let place = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(place, byte),
                1 => bytes.truncate(place),
                2 if place < bytes.len() => {
                    bytes.remove(place);
                }
                _ if place < bytes.len() => bytes[place] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
    })
}

/// A strategy of valid addresses.
pub(crate) fn address() -> impl Strategy<Value = String> {
    "[a-z0-9!#$%&'*+=?^_`{|}~-]{1,8}(\\.[a-z0-9]{1,5}){0,2}@[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?(\\.[a-z]{2,4}){0,2}"
}
