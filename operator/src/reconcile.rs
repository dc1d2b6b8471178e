//! The reconciler: five steps, five files.
//!
//! ```text
//! dereference    read everything the server points at, and everything that points at it
//! validate       one value that cannot be wrong, and a finding for each object
//! build          every document and object, whole
//! apply          write what differs, documents before the pods that mount them
//! update_status  say what is served, never what is hoped
//! ```
//!
//! `validate`, `build` and the computation of every status are synchronous and pure: objects, documents
//! published before, pods' reports, `now` and a fresh key are arguments. Only reading and writing differ
//! between a cluster and a directory of files.

pub mod apply;
pub mod build;
pub mod dereference;
pub mod finding;
pub mod object;
pub mod published;
pub mod report;
pub mod update_status;
pub mod validate;

pub use dereference::{Invalid, Lookup, Observed, World};
pub use finding::{Finding, Reason, Truth};
pub use object::Object;
pub use published::Published;

/// Which MailAccessServer, and which state of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Tells it from an earlier one of the same name.
    pub uid: String,
    /// Rises with every change of its spec.
    pub generation: i64,
}
