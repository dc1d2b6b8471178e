//! Faults that need a pod of their own: documents damaged on their way, clients that flood, and a volume
//! that is absent, full or read-only.

mod clients;
mod documents;
mod volume;
