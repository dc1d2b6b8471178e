//! The tests of the three kinds: their definitions, the table of examples before both judges, and the example folders.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "this is how a test fails"
)]

mod definitions;
mod examples;
mod judge;
mod lint;
mod offline;
mod reading;
mod secrets;
mod table;
