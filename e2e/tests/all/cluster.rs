//! The product on a real Kubernetes of two nodes: what is applied, what becomes of it, what clients see.

mod admission;
mod api;
mod away;
mod certificates;
mod edits;
mod fault_proxy;
mod faults;
mod first_pods;
mod image;
mod installed;
mod itself;
mod killed;
mod kstatus;
mod many;
mod mending;
mod older_schema;
mod operator;
mod rights;
mod rolling;
mod sandbox;
mod states;
mod storm;
mod tenant;
mod two;
mod uninvolved;
