//! TOP (RFC 1939 7): the header of a message and the first lines of its body.

use crate::command::Number;
use crate::excerpt::{self, Extent};
use crate::maildrop::Maildrop;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn top(maildrop: Box<Maildrop>, number: Number, lines: u32) -> Turn {
    excerpt::fetch(maildrop, number, Extent::Top(lines))
}
