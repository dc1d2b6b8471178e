//! The product on a real Kubernetes of two nodes: what is applied, what becomes of it, what clients see.

mod api;
mod away;
mod certificates;
mod edits;
mod fault_proxy;
mod faults;
mod image;
mod installed;
mod itself;
mod killed;
mod many;
mod mending;
mod operator;
mod rights;
mod rolling;
mod sandbox;
mod storm;
mod tenant;
mod two;
mod uninvolved;
