//! LOGOUT (RFC 3501 6.1.3).

use crate::encode::{self, status::Status};
use crate::tag::Tag;
use crate::turn::Turn;
use mailaccess_mail::step::Output;

pub(crate) fn logout(tag: &Tag) -> Turn {
    let mut out = Output::new();
    encode::bye(&mut out, "", "IMAP4 server signing off.");
    Status::ok("LOGOUT completed.").write(Some(tag), &mut out);
    Turn::End(out)
}
