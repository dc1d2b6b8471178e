//! NAMESPACE (RFC 2342): one's own mailboxes, no prefix, and nobody else's.

use crate::encode::{self, status::Status};
use mailaccess_mail::mailbox_name::SEPARATOR;
use mailaccess_mail::step::Output;

pub(crate) fn run(out: &mut Output) -> Status {
    encode::line(
        out,
        format_args!("* NAMESPACE ((\"\" \"{SEPARATOR}\")) NIL NIL"),
    );
    Status::ok("NAMESPACE completed.")
}
