//! Tests of the operator: YAML in, whole objects and statuses out. No cluster, no network but 127.0.0.1.

mod bad_input;
mod cluster;
mod golden;
mod local;
mod statuses;
