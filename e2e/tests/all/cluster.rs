//! The product on a real Kubernetes of two nodes: what is applied, what becomes of it, what clients see.

mod api;
mod edits;
mod image;
mod itself;
mod mending;
mod operator;
mod sandbox;
mod tenant;
