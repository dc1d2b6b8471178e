//! What the tests stand on: the product's processes, clients that speak raw protocols, and patience with a
//! limit.

mod imap;
mod local;
mod mail;
mod patience;
mod pod;
mod pop3;
mod ports;
mod process;
mod wire;

pub(crate) use imap::{Imap, Reply};
pub(crate) use local::Local;
pub(crate) use mail::Maildir;
pub(crate) use patience::{eventually, figure, measure, now};
pub(crate) use pod::Pod;
pub(crate) use pop3::Pop3;
pub(crate) use ports::{Ports, Service};
pub(crate) use process::{Process, binary, capture, checkout, run, signal_to};
pub(crate) use wire::{Security, Wire};
