//! AUTHENTICATE (RFC 3501 6.2.2) with PLAIN (RFC 4616) and LOGIN, and an initial response (RFC 4959).

use crate::command::GuestCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner};
use crate::log_on::{self, Credentials};
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use alloc::boxed::Box;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{Context, Mechanism, Output, Refused};

/// `User Name` and `Password` in base64: the prompts that every client of LOGIN knows.
const PROMPT_NAME: &[u8] = b"+ VXNlcm5hbWU6\r\n";
const PROMPT_PASSWORD: &[u8] = b"+ UGFzc3dvcmQ6\r\n";

/// A mechanism, and the response that came with it.
pub(crate) struct Authenticate {
    scheme: Scheme,
    initial: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Login,
    Plain,
}

/// What the next line of a client means.
pub(crate) struct Exchange {
    tag: Tag,
    awaited: Awaited,
}

enum Awaited {
    /// Names and password of PLAIN.
    Plain,
    /// The name of LOGIN.
    Name,
    /// The password of LOGIN, for this name.
    Password(Vec<u8>),
}

/// ```text
/// authenticate     = "AUTHENTICATE" SP auth-type [SP initial-resp]
/// initial-resp     = base64 / "="                                   ; RFC 4959 7
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<GuestCommand, Fault> {
    scanner.space()?;
    let name = scanner.atom("a mechanism")?;
    let initial = if scanner.is_at_end() {
        None
    } else {
        scanner.space()?;
        let text = scanner.take_while(|byte| byte.is_ascii_graphic());
        Some(initial_response(text).ok_or_else(|| scanner.fault("a response in base64"))?)
    };
    let scheme = match name {
        name if name.eq_ignore_ascii_case(b"PLAIN") => Scheme::Plain,
        name if name.eq_ignore_ascii_case(b"LOGIN") => Scheme::Login,
        _ => return Err(Fault::Mechanism),
    };
    Ok(GuestCommand::Authenticate(Authenticate { scheme, initial }))
}

fn initial_response(text: &[u8]) -> Option<Secret> {
    match text {
        b"" => None,
        b"=" => Some(Secret::from(Vec::new())),
        text => decode(text),
    }
}

fn decode(text: &[u8]) -> Option<Secret> {
    STANDARD.decode(text).ok().map(Secret::from)
}

pub(crate) fn authenticate(cx: &Context<'_>, tag: Tag, authenticate: Authenticate) -> Turn {
    if let Err(refused) = log_on::permitted(cx) {
        return Turn::status(State::Guest, &tag, &refused);
    }
    let awaited = match authenticate.scheme {
        Scheme::Plain => Awaited::Plain,
        Scheme::Login => Awaited::Name,
    };
    let exchange = Exchange { tag, awaited };
    match authenticate.initial {
        Some(response) => exchange.take(&response),
        None => exchange.ask(),
    }
}

impl Exchange {
    /// Asks for the next response.
    fn ask(self) -> Turn {
        let mut out = Output::new();
        out.bytes(match self.awaited {
            Awaited::Plain => b"+ \r\n",
            Awaited::Name => PROMPT_NAME,
            Awaited::Password(_) => PROMPT_PASSWORD,
        });
        Turn::say(State::Authenticating(Box::new(self)), out)
    }

    /// Takes a line of the client.
    ///
    /// ```text
    /// authenticate *(CRLF base64)     ; "*" cancels (RFC 3501 6.2.2)
    /// ```
    pub(crate) fn respond(self, line: &[u8]) -> Turn {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line == b"*" {
            return self.fail("The exchange was cancelled.");
        }
        match decode(line) {
            Some(response) => self.take(&response),
            None => self.fail("Expected a response in base64."),
        }
    }

    /// Ends the exchange at a line that is too long.
    pub(crate) fn too_long(self) -> Turn {
        let status = Status::bad("The line is too long.").because(Refused::Limit);
        Turn::Mistake(State::Guest, Some(self.tag), status)
    }

    /// Ends the exchange, for which the client is to blame.
    fn fail(self, text: &'static str) -> Turn {
        Turn::Mistake(State::Guest, Some(self.tag), Status::bad(text))
    }

    fn take(self, response: &Secret) -> Turn {
        let response = response.expose();
        let (mechanism, credentials) = match self.awaited {
            Awaited::Plain => match plain(response) {
                Some(credentials) => (Mechanism::SaslPlain, credentials),
                None => return self.fail("Expected two names and a password."),
            },
            Awaited::Name => {
                let awaited = Awaited::Password(response.to_vec());
                return Self { awaited, ..self }.ask();
            }
            Awaited::Password(name) => {
                let credentials = Credentials {
                    name,
                    authorize_as: Vec::new(),
                    password: Secret::from(response.to_vec()),
                };
                (Mechanism::SaslLogin, credentials)
            }
        };
        log_on::verify(self.tag, "AUTHENTICATE", mechanism, credentials)
    }

    /// Bytes held of what the client sent.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        match &self.awaited {
            Awaited::Password(name) => name.capacity(),
            Awaited::Plain | Awaited::Name => 0,
        }
    }
}

/// ```text
/// message = [authzid] UTF8NUL authcid UTF8NUL passwd                ; RFC 4616 2
/// ```
fn plain(response: &[u8]) -> Option<Credentials> {
    let mut parts = response.split(|byte| *byte == 0);
    let (authorize_as, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    if name.is_empty() || parts.next().is_some() {
        return None;
    }
    Some(Credentials {
        name: name.to_vec(),
        authorize_as: authorize_as.to_vec(),
        password: Secret::from(password.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read<'a> = Result<(Scheme, Option<&'a str>), Fault>;

    #[test]
    fn a_mechanism_comes_with_or_without_a_response() {
        let cases: [(&str, Read<'_>); 9] = [
            (" PLAIN\r\n", Ok((Scheme::Plain, None))),
            (" login\r\n", Ok((Scheme::Login, None))),
            (" PLAIN =\r\n", Ok((Scheme::Plain, Some("")))),
            (
                " PLAIN AGFubgBwdw==\r\n",
                Ok((Scheme::Plain, Some("\0ann\0pw"))),
            ),
            (
                " PLAIN ???\r\n",
                Err(Fault::Expected("a response in base64")),
            ),
            (
                " PLAIN AGFubgBwdw=\r\n",
                Err(Fault::Expected("a response in base64")),
            ),
            (" CRAM-MD5\r\n", Err(Fault::Mechanism)),
            (" ", Err(Fault::Incomplete("a mechanism"))),
            ("\r\n", Err(Fault::Expected("a space"))),
        ];
        for (input, expect) in cases {
            match (parse(&mut Scanner::new(input.as_bytes())), expect) {
                (Ok(GuestCommand::Authenticate(read)), Ok((scheme, initial))) => {
                    assert_eq!(read.scheme, scheme);
                    let read = read.initial.as_ref().map(Secret::expose);
                    assert_eq!(read, initial.map(str::as_bytes), "{input}");
                }
                (read, expect) => assert_eq!(read.map(drop), expect.map(drop), "{input}"),
            }
        }
    }

    #[test]
    fn plain_has_three_parts() {
        let parts = plain(b"tim\0ann\0pw").map(|read| (read.authorize_as, read.name));
        assert_eq!(parts, Some((b"tim".to_vec(), b"ann".to_vec())));
        for bad in [&b""[..], b"ann\0pw", b"\0\0pw", b"\0ann\0pw\0", b"\0ann"] {
            assert!(plain(bad).is_none());
        }
    }
}
