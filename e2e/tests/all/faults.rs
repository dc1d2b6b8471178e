//! Faults that need a pod of their own: a document that never came, logging on in the clear, and a volume
//! that is not there. What can be mended while a pod runs stands in `bad_input`.

mod clients;
mod documents;
mod volume;
