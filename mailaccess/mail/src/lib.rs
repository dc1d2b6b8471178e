//! What mail is: identifiers, flags, mailbox names, dates, MIME structure, search, and the two
//! vocabularies that connect a protocol to the world: the traits of a store and the steps of a session.
//!
//! Nothing here does I/O: no socket, no file, no clock, no environment, no `async`. A caller hands in
//! what is needed, and `mailaccess-store` and `mailaccess` do the rest.

pub mod date;
pub mod flag;
pub mod mailbox_name;
pub mod mime;
pub mod search;
pub mod secret;
pub mod step;
pub mod store;
pub mod uid;

pub use date::InternalDate;
pub use flag::{FlagChange, Flags, Keyword, SystemFlag};
pub use mailbox_name::MailboxName;
pub use secret::Secret;
pub use uid::{ModSeq, Uid, UidValidity};
