//! The pod's binary as a client, an operator and a kubelet see it: real sockets on 127.0.0.1, documents in a
//! directory, a Maildir on disk.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of it is a test; what is measured is printed"
)]

mod documents;
mod drain;
mod floods;
mod greeting;
mod hot;
mod init;
mod large;
mod limits;
mod pod;
mod secrets;
mod status;
mod tls;
mod wire;
