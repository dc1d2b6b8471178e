//! The files that people would `kubectl apply`: read, judged as the API server would, and kept as it would
//! keep them.

pub mod dereference;
pub mod judge;
pub mod ledger;
pub mod memory;
pub mod source;

pub use judge::Fault;
pub use ledger::{Ledger, Notice, ObjectId};
pub use memory::MemoryError;
pub use source::{Place, SourceFile};
