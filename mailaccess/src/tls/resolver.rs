//! Which certificate to show: of the exact name, else of a wildcard, else the default.

use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{CertificateId, Certificates};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One protocol's certificates.
pub(super) struct Resolver {
    choice: CertificateChoice,
    keys: BTreeMap<CertificateId, Arc<CertifiedKey>>,
}

impl Resolver {
    pub(super) fn new(choice: &CertificateChoice, certificates: &Certificates) -> Self {
        let keys = std::iter::once(&choice.default)
            .chain(choice.names.values())
            .filter_map(|id| {
                let certificate = certificates.by_id.get(id)?;
                Some((id.clone(), Arc::clone(certificate.certified_key())))
            })
            .collect();
        Self {
            choice: choice.clone(),
            keys,
        }
    }

    fn choose(&self, server_name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.keys.get(self.choice.choose(server_name)).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(client_hello.server_name())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("choice", &self.choice)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_exact_name_comes_before_the_wildcard_and_that_before_the_default() {
        let certificates = ["default.test", "*.example.com", "imap.example.com"]
            .map(|name| testing::certificate(&[name]));
        let ids = certificates.each_ref().map(|one| one.id().clone());
        let thumbprints = certificates
            .each_ref()
            .map(|one| Arc::clone(one.certified_key()));
        let mut all = Certificates::default();
        for one in certificates {
            all.insert(one);
        }
        let names = [("*.example.com", 1), ("imap.example.com", 2)];
        let choice = CertificateChoice {
            default: ids[0].clone(),
            names: names
                .into_iter()
                .map(|(name, index)| (name.to_owned(), ids[index].clone()))
                .collect(),
        };
        let resolver = Resolver::new(&choice, &all);
        for (name, index) in [
            (None, 0),
            (Some("other.test"), 0),
            (Some("imap.example.com"), 2),
            (Some("pop.example.com"), 1),
            (Some("a.b.example.com"), 0),
        ] {
            let shown = resolver.choose(name).unwrap();
            assert_eq!(shown.cert, thumbprints[index].cert, "{name:?}");
        }
    }
}
