//! CAPABILITY (RFC 3501 6.1.1): what the server can do here and now, which depends on what protects the
//! connection, on `LoginType`, and on whether somebody is logged on.

use crate::encode;
use crate::log_on;
use mailaccess_mail::step::{Channel, Context, Output, Phase, StartTls};

/// What is there in every state.
const ALWAYS: &str = "UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+";

/// Writes the untagged response.
///
/// ```text
/// capability-data = "CAPABILITY" *(SP capability) SP "IMAP4rev1" *(SP capability)
/// ```
pub(crate) fn capability(cx: &Context<'_>, phase: Phase, out: &mut Output) {
    let log_on = match (phase, log_on::permitted(cx)) {
        (Phase::Authenticated, _) => "",
        (Phase::PreAuthenticated, Ok(())) => " AUTH=PLAIN AUTH=LOGIN SASL-IR",
        (Phase::PreAuthenticated, Err(_)) => " LOGINDISABLED",
    };
    let start_tls = match (phase, cx.channel) {
        (
            Phase::PreAuthenticated,
            Channel::Plain {
                start_tls: StartTls::Available,
            },
        ) => " STARTTLS",
        _ => "",
    };
    encode::line(
        out,
        format_args!("* CAPABILITY IMAP4rev1{log_on}{start_tls} {ALWAYS}"),
    );
}
