//! Tests of whole dialogues, against a store in memory and without a socket.

mod capabilities;
mod driver;
mod fetching;
mod limits;
mod model;
mod oracle;
mod properties;
mod size;
mod transcript;
mod transcripts;
