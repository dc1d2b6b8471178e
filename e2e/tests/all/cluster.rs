//! The product on a real Kubernetes of two nodes: what is applied, what becomes of it, what clients see.

mod api;
mod edits;
mod image;
mod installed;
mod mending;
mod operator;
mod rights;
mod sandbox;
mod tenant;
