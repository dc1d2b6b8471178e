//! AUTH (RFC 5034) with the mechanisms PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login), with or
//! without an initial response.

use crate::command::Auth;
use crate::log_on;
use crate::reply;
use crate::session::{Authorization, State};
use crate::turn::Turn;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{Context, LogOn, Mechanism, Refused, Step};

/// The mechanisms offered, as CAPA names them.
pub(crate) const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// What the next response of the client is.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// `[authzid] NUL authcid NUL passwd`.
    Plain,
    /// The name.
    LoginName,
    /// The password of this name.
    LoginPassword(String),
}

pub(crate) fn auth(cx: &Context<'_>, authorization: Authorization, auth: Auth) -> Turn {
    if let Err(text) = log_on::allowed(cx) {
        return Turn::mistake(State::Authorization(authorization), Refused::Privacy, text);
    }
    let (mechanism, initial) = match auth {
        Auth::Which => return which(authorization),
        Auth::Begin { mechanism, initial } => (mechanism, initial),
    };
    let exchange = match mechanism.as_str() {
        "PLAIN" => Exchange::Plain,
        "LOGIN" => Exchange::LoginName,
        _ => {
            return Turn::mistake(
                State::Authorization(authorization),
                Refused::Unsupported,
                "There is no such mechanism.",
            );
        }
    };
    match initial {
        None => exchange.ask(),
        // An empty response is written so that it is not taken for none.
        Some(initial) if initial.expose() == b"=" => exchange.take(Secret::from(Vec::new())),
        Some(initial) => exchange.decode(&initial),
    }
}

fn which(authorization: Authorization) -> Turn {
    let mut output = reply::ok("List of mechanisms follows.");
    for mechanism in MECHANISMS {
        output.append(reply::line(format_args!("{mechanism}")));
    }
    output.bytes(b".\r\n");
    Turn::say(State::Authorization(authorization), output)
}

impl Exchange {
    /// Asks the client for its next response: `continue-req = "+" SP [base64] CRLF`.
    fn ask(self) -> Turn {
        let challenge = match self {
            Self::Plain => "",
            Self::LoginName => "Username:",
            Self::LoginPassword(_) => "Password:",
        };
        let challenge = STANDARD.encode(challenge);
        Turn::say(
            State::Authenticating(self),
            reply::line(format_args!("+ {challenge}")),
        )
    }

    /// Takes a line of the client.
    pub(crate) fn respond(self, line: Vec<u8>) -> Turn {
        let line = Secret::from(line);
        if line.expose() == b"*" {
            return Turn::mistake(again(), Refused::Syntax, "Authentication cancelled.");
        }
        self.decode(&line)
    }

    fn decode(self, base64: &Secret) -> Turn {
        match STANDARD.decode(base64.expose()) {
            Ok(response) => self.take(Secret::from(response)),
            Err(_) => Turn::mistake(again(), Refused::Syntax, "The response is not base64."),
        }
    }

    fn take(self, response: Secret) -> Turn {
        match self {
            Self::Plain => plain(&response),
            Self::LoginName if response.expose().is_empty() => {
                Turn::mistake(again(), Refused::Syntax, "The name is empty.")
            }
            Self::LoginName => Self::LoginPassword(text(response.expose())).ask(),
            Self::LoginPassword(name) => log_on(LogOn {
                name,
                authorize_as: String::new(),
                password: response,
                mechanism: Mechanism::SaslLogin,
            }),
        }
    }
}

/// ```text
/// message = [authzid] UTF8NUL authcid UTF8NUL passwd     ; RFC 4616 2
/// ```
fn plain(message: &Secret) -> Turn {
    let mut parts = message.expose().splitn(3, |byte| *byte == 0);
    let (Some(other), Some(name), Some(password)) = (parts.next(), parts.next(), parts.next())
    else {
        return Turn::mistake(
            again(),
            Refused::Syntax,
            "The response is not a name and a password.",
        );
    };
    if name.is_empty() || password.is_empty() || password.contains(&0) {
        return Turn::mistake(
            again(),
            Refused::Syntax,
            "The response is not a name and a password.",
        );
    }
    log_on(LogOn {
        name: text(name),
        authorize_as: text(other),
        password: Secret::from(password.to_vec()),
        mechanism: Mechanism::SaslPlain,
    })
}

fn log_on(log_on: LogOn) -> Turn {
    Turn::Next(State::LoggingOn, Step::LogOn(log_on))
}

/// A name that is not UTF-8 is nobody's name, but is verified like any other, so that it takes as long.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn again() -> State {
    State::Authorization(Authorization::default())
}
