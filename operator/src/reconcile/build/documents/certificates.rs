//! The `certificates` document: every chain and key that is shown, and the server's own in reserve. Whose
//! they are stands beside it, in an annotation of its Secret.

use crate::reconcile::published::{Register, Registered};
use crate::reconcile::validate::Validated;
use mailaccess_config::{Certificate, Certificates, ContentError};

/// Its content.
pub fn content(
    validated: &Validated,
    self_signed: Option<&Certificate>,
) -> Result<String, ContentError> {
    let mut certificates = Certificates::default();
    let bound = validated
        .bindings
        .objects
        .iter()
        .filter_map(|binding| binding.certificate.as_ref());
    for certificate in bound.chain(self_signed) {
        certificates.insert(certificate.clone());
    }
    let text = certificates.to_text()?;
    Certificates::from_text(&text)?;
    Ok(text)
}

/// Whose certificate is whose.
pub fn register(validated: &Validated, self_signed: Option<&Certificate>) -> Register {
    let bindings = validated.bindings.objects.iter().filter_map(|binding| {
        let certificate = binding.certificate.as_ref()?;
        let registered = Registered {
            id: certificate.id().clone(),
            services: binding.services.iter().map(ToString::to_string).collect(),
        };
        Some((binding.name.clone(), registered))
    });
    Register {
        self_signed: self_signed.map(|certificate| certificate.id().clone()),
        bindings: bindings.collect(),
    }
}
