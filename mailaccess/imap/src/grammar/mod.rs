//! The grammar of commands (RFC 3501 9), read from whole commands without copying. Above each parser
//! stands its ABNF.

pub(crate) mod date;
pub(crate) mod flag;
pub(crate) mod list;
pub(crate) mod mailbox;
mod scanner;
pub(crate) mod search;
pub(crate) mod section;
pub(crate) mod set;

pub(crate) use scanner::{Fault, Scanner, is_astring_char, is_atom_char};
