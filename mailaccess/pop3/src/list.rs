//! LIST (RFC 1939 5): sizes of messages.

use crate::command::Number;
use crate::job::Column;
use crate::listing;
use crate::maildrop::Maildrop;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn list(maildrop: Box<Maildrop>, number: Option<Number>) -> Turn {
    match number {
        Some(number) => listing::one(maildrop, Column::Size, number),
        None => listing::each(maildrop, Column::Size),
    }
}
