//! The `settings` document: what is in force, with the certificates that were chosen for it.

use crate::reconcile::validate::Validated;
use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{Certificate, ContentError, Protocol, Settings};
use std::collections::BTreeMap;

/// Its content; nothing while there are no settings.
pub fn content(
    validated: &Validated,
    self_signed: Option<&Certificate>,
) -> Option<Result<String, ContentError>> {
    let settings = with_certificates(validated.settings.as_ref()?, validated, self_signed);
    Some(settings.to_text().and_then(|text| {
        Settings::from_text(&text)?;
        Ok(text)
    }))
}

/// Any binding beats the self-signed certificate.
fn with_certificates(
    settings: &Settings,
    validated: &Validated,
    self_signed: Option<&Certificate>,
) -> Settings {
    let choice = |protocol: Protocol| {
        let bound = validated.bindings.choices.get(&protocol).cloned();
        bound.or_else(|| {
            self_signed.map(|certificate| CertificateChoice {
                default: certificate.id().clone(),
                names: BTreeMap::new(),
            })
        })
    };
    let mut settings = settings.clone();
    settings.imap.certificates = choice(Protocol::Imap);
    settings.pop.certificates = choice(Protocol::Pop);
    settings
}
