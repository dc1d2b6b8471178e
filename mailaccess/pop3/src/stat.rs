//! STAT (RFC 1939 5): how many messages there are, and their octets together.

use crate::listing;
use crate::maildrop::Maildrop;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn stat(maildrop: Box<Maildrop>) -> Turn {
    listing::total(maildrop)
}
