//! Black-box tests. What needs Debian's packages or root is ignored unless `e2e/run` says otherwise.

#[cfg(test)]
mod access;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod dovecot;
#[cfg(test)]
mod dovecot_compare;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_fetch;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hot_fields;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod live_edits;
#[cfg(test)]
mod many_pods;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod pod;
#[cfg(test)]
mod schemes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod session;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod view;
#[cfg(test)]
mod walls;
