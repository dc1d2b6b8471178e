//! The product on a real Kubernetes of two nodes: what is applied, what becomes of it, what clients see.

mod admission;
mod api;
mod edits;
mod image;
mod kstatus;
mod mending;
mod older_schema;
mod operator;
mod sandbox;
mod states;
mod tenant;
