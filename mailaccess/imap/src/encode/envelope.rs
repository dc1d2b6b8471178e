//! ENVELOPE (RFC 3501 7.4.2).

use super::string::nstring;
use mailaccess_mail::mime::{Address, Addresses, Envelope};
use mailaccess_mail::step::Output;

/// ```text
/// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
///            env-bcc SP env-in-reply-to SP env-message-id ")"
/// ```
pub(crate) fn envelope(out: &mut Output, envelope: &Envelope) {
    out.bytes(b"(");
    nstring(out, envelope.date());
    out.bytes(b" ");
    nstring(out, envelope.subject());
    for list in [
        envelope.from(),
        envelope.sender(),
        envelope.reply_to(),
        envelope.to(),
        envelope.cc(),
        envelope.bcc(),
    ] {
        out.bytes(b" ");
        addresses(out, list);
    }
    out.bytes(b" ");
    nstring(out, envelope.in_reply_to());
    out.bytes(b" ");
    nstring(out, envelope.message_id());
    out.bytes(b")");
}

/// ```text
/// env-from = "(" 1*address ")" / nil
/// ```
fn addresses(out: &mut Output, addresses: Addresses<'_>) {
    let mut empty = true;
    for one in addresses {
        out.bytes(if empty { b"(" } else { b"" });
        address(out, &one);
        empty = false;
    }
    out.bytes(if empty { b"NIL" } else { b")" });
}

/// ```text
/// address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
/// ```
fn address(out: &mut Output, address: &Address) {
    let Address {
        name,
        route,
        mailbox,
        host,
    } = address;
    let mut before = &b"("[..];
    for part in [name, route, mailbox, host] {
        out.bytes(before);
        nstring(out, part.as_deref());
        before = b" ";
    }
    out.bytes(b")");
}
