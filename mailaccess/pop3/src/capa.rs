//! CAPA (RFC 2449 5): what this server can do on this connection. A pure function of channel and login
//! type, and the same before and after a login, as RFC 2449 6 and RFC 2595 4 want it.

use crate::auth;
use crate::log_on;
use crate::reply;
use mailaccess_mail::step::{Channel, Context, Output, StartTls};

pub(crate) fn capa(cx: &Context<'_>) -> Output {
    let mut output = reply::ok("Capability list follows.");
    output.bytes(b"TOP\r\nUIDL\r\n");
    if log_on::allowed(cx).is_ok() {
        output.append(reply::line(format_args!(
            "SASL {}",
            auth::MECHANISMS.join(" ")
        )));
        output.bytes(b"USER\r\n");
    }
    output.bytes(b"PIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n");
    if let Channel::Plain {
        start_tls: StartTls::Available,
    } = cx.channel
    {
        output.bytes(b"STLS\r\n");
    }
    output.bytes(b".\r\n");
    output
}
