//! The three custom resources: their types, their generated definitions, and the API server's verdict offline.
//!
//! - [`MailAccessServer`], [`CASMailbox`] and [`CertificateBinding`] are what people write; [`definitions`] is what a
//!   cluster must know about them, and `crdgen` writes it to `crds/*.yaml`.
//! - [`admission`] reads YAML as `kubectl` does and judges it as the API server would, without either.
//!
//! Nothing here talks to a cluster, opens a socket or knows a clock.

pub mod admission;
mod cas_mailbox;
mod certificate_binding;
mod condition;
mod definition;
mod duration;
mod local_ref;
mod mail_access_server;
mod pattern;
mod protocol;
mod service;
mod store;

pub use cas_mailbox::{CASMailbox, CASMailboxSpec, CASMailboxStatus};
pub use certificate_binding::{
    CertificateBinding, CertificateBindingSpec, CertificateBindingStatus, MailService,
};
pub use condition::{Condition, ConditionStatus};
pub use definition::{definition, definition_files, definitions};
pub use duration::{Duration, ParseDurationError};
pub use local_ref::{SecretRef, ServerRef};
pub use mail_access_server::{
    Authentication, Domain, Image, MailAccessServer, MailAccessServerSpec, MailAccessServerStatus,
    MailboxDefaults, PullPolicy, Source, StatusPort, Users,
};
pub use protocol::{Binding, LoginType, ProtocolSettings};
pub use service::{ExternalTrafficPolicy, IpFamily, IpFamilyPolicy, ServiceSettings, ServiceType};
pub use store::{Layout, Maildir, PersistentVolumeClaimRef, Store};

/// The API group of all three kinds.
pub const GROUP: &str = "mailaccess.dev";

/// The one version that is served and stored.
pub const VERSION: &str = "v1alpha1";
