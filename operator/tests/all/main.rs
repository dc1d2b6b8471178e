//! Tests of the operator: YAML in, whole objects and statuses out. No cluster, no network but 127.0.0.1.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod local;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod statuses;
