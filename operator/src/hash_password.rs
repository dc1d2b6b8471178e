//! `hash-password`: makes a line for the `passwd` key of a users' Secret. The password comes from standard
//! input and is never an argument, which everybody on the machine could read.

use mailaccess_config::{MailboxAddress, PasswordHash};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Stdin, Write};
use zeroize::Zeroizing;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum HashPasswordError {
    /// On a terminal it is asked for twice.
    #[error("the passwords differ")]
    Differ,
    /// Ctrl-C or Ctrl-D.
    #[error("given up")]
    GivenUp,
    /// It cannot be hashed.
    #[error("hash the password")]
    Hash(#[from] mailaccess_config::password::PasswordError),
    /// No random numbers.
    #[error("read random numbers for the salt: {0}")]
    Salt(getrandom::Error),
    /// Nothing can be read or written.
    #[error("read the password")]
    Read(#[from] io::Error),
}

type Password = Zeroizing<Vec<u8>>;

/// Reads a password and gives the line.
pub fn run(address: &MailboxAddress) -> Result<String, HashPasswordError> {
    let stdin = io::stdin();
    let password = if stdin.is_terminal() {
        ask_twice(&stdin, address)?
    } else {
        first_line(&stdin)?
    };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(HashPasswordError::Salt)?;
    line(address, &password, salt)
}

/// `address:{ARGON2ID}hash`.
fn line(
    address: &MailboxAddress,
    password: &[u8],
    salt: [u8; 16],
) -> Result<String, HashPasswordError> {
    let hash = PasswordHash::new(password, salt)?;
    Ok(format!("{address}:{}", hash.expose()))
}

fn first_line(stdin: &Stdin) -> Result<Password, HashPasswordError> {
    let mut line = Zeroizing::new(Vec::new());
    stdin.lock().read_until(b'\n', &mut line)?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(line)
}

fn ask_twice(stdin: &Stdin, address: &MailboxAddress) -> Result<Password, HashPasswordError> {
    let silence = Silence::begin(stdin)?;
    let first = ask(stdin, &format!("Password for {address}: "))?;
    let second = ask(stdin, "Once more: ")?;
    drop(silence);
    if first == second {
        Ok(first)
    } else {
        Err(HashPasswordError::Differ)
    }
}

fn ask(stdin: &Stdin, prompt: &str) -> Result<Password, HashPasswordError> {
    let mut stderr = io::stderr();
    stderr.write_all(prompt.as_bytes())?;
    let mut password = Zeroizing::new(Vec::new());
    let mut key = [0];
    let typed = loop {
        if stdin.lock().read(&mut key)? == 0 {
            break Err(HashPasswordError::GivenUp);
        }
        match key[0] {
            b'\r' | b'\n' => break Ok(password),
            // Ctrl-C and Ctrl-D.
            3 | 4 => break Err(HashPasswordError::GivenUp),
            // Backspace, in both spellings, and Ctrl-U.
            8 | 127 => while password.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            21 => password.clear(),
            byte => password.push(byte),
        }
    };
    stderr.write_all(b"\n")?;
    typed
}

/// A terminal that shows nothing and gives each key at once, until this is dropped.
struct Silence<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(stdin: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(stdin)?;
        let mut silent = before.clone();
        // Without signals, or Ctrl-C would leave a silent terminal behind.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(stdin, OptionalActions::Flush, &silent)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.stdin, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailaccess_config::passwd;
    use mailaccess_config::password::PasswordError;

    #[test]
    fn the_line_is_one_that_passwd_takes_and_the_password_fits() {
        let ann: MailboxAddress = "Ann@Example.com".parse().unwrap();
        let line = line(&ann, b"correct horse", [7; 16]).unwrap();
        let read = passwd::parse(line.as_bytes());
        assert_eq!(read.problems, []);
        let hash = read.people[&ann].as_ref().unwrap();
        assert!(hash.verify(b"correct horse"));
        assert!(!hash.verify(b"battery staple"));
    }

    #[test]
    fn an_empty_password_is_none() {
        let ann: MailboxAddress = "ann@example.com".parse().unwrap();
        assert!(matches!(
            line(&ann, b"", [7; 16]),
            Err(HashPasswordError::Hash(PasswordError::Empty))
        ));
    }
}
