//! UNSELECT (RFC 3691): closes and removes nothing.

use crate::encode::status::Status;
use crate::home::{Home, Selected};
use alloc::boxed::Box;

pub(crate) fn run(selected: Box<Selected>) -> (Home, Status) {
    (selected.closed(), Status::ok("UNSELECT completed."))
}
