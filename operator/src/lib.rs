//! The operator: custom resources in, documents and workloads out.
//!
//! [`reconcile`] is what it does, the same on a cluster and without one. [`files`] reads what people would
//! `kubectl apply`, [`render`] prints what would be written, [`local`] runs the whole path on one machine, [`cluster`] on a real
//! one.

pub mod cli;
pub mod cluster;
pub mod faults;
pub mod files;
pub mod hash_password;
pub mod local;
pub mod pod_status;
pub mod reconcile;
pub mod render;
