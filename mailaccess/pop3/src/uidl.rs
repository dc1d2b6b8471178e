//! UIDL (RFC 1939 7): names of messages that outlive the session.

use crate::command::Number;
use crate::job::Column;
use crate::listing;
use crate::maildrop::Maildrop;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn uidl(maildrop: Box<Maildrop>, number: Option<Number>) -> Turn {
    match number {
        Some(number) => listing::one(maildrop, Column::UniqueId, number),
        None => listing::each(maildrop, Column::UniqueId),
    }
}
