//! RETR (RFC 1939 5): a whole message. It changes nothing, not even `\Seen`: a session that is cut off
//! leaves no trace.

use crate::command::Number;
use crate::excerpt::{self, Extent};
use crate::maildrop::Maildrop;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn retr(maildrop: Box<Maildrop>, number: Number) -> Turn {
    excerpt::fetch(maildrop, number, Extent::Whole)
}
