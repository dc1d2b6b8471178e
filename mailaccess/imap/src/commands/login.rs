//! LOGIN (RFC 3501 6.2.3).

use crate::command::GuestCommand;
use crate::grammar::{Fault, Scanner};
use crate::log_on::{self, Credentials};
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use alloc::vec::Vec;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{Context, Mechanism};

/// A name and a password.
pub(crate) struct Login {
    name: Vec<u8>,
    password: Secret,
}

/// ```text
/// login = "LOGIN" SP userid SP password
/// userid = astring
/// password = astring
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<GuestCommand, Fault> {
    scanner.space()?;
    let name = scanner.astring("a user name")?.into_owned();
    scanner.space()?;
    let password = Secret::from(scanner.astring("a password")?.into_owned());
    Ok(GuestCommand::Login(Login { name, password }))
}

pub(crate) fn login(cx: &Context<'_>, tag: Tag, login: Login) -> Turn {
    if let Err(refused) = log_on::permitted(cx) {
        return Turn::status(State::Guest, &tag, &refused);
    }
    let credentials = Credentials {
        name: login.name,
        authorize_as: Vec::new(),
        password: login.password,
    };
    log_on::verify(tag, "LOGIN", Mechanism::Login, credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_strings_of_any_form() {
        for (input, expect) in [
            (" ann quickstart\r\n", Ok(("ann", "quickstart"))),
            (
                " \"ann\" \"quick \\\" start\"\r\n",
                Ok(("ann", "quick \" start")),
            ),
            (" {3}\r\nann {2+}\r\nPW\r\n", Ok(("ann", "PW"))),
            (" ann", Err(Fault::Incomplete("a space"))),
            (" ann ", Err(Fault::Incomplete("a password"))),
            (" ann \r\n", Err(Fault::Expected("a password"))),
            (" (ann) x\r\n", Err(Fault::Expected("a user name"))),
        ] {
            match (parse(&mut Scanner::new(input.as_bytes())), expect) {
                (Ok(GuestCommand::Login(login)), Ok((name, password))) => {
                    assert_eq!(login.name, name.as_bytes());
                    assert_eq!(login.password.expose(), password.as_bytes());
                }
                (read, expect) => assert_eq!(read.map(drop), expect.map(drop), "{input}"),
            }
        }
    }
}
