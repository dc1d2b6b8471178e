//! Tests of whole dialogues, against a store in memory and without a socket.

mod batches;
mod capabilities;
mod driver;
mod limits;
mod model;
mod oracle;
mod properties;
mod size;
mod transcript;
mod transcripts;
