//! Faults that need a pod of their own: a document that never came, clients that try doors, and a volume
//! that is absent, full or read-only.

mod clients;
mod documents;
mod volume;
