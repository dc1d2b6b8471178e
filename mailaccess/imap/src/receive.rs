//! What a client sends: commands, their literals, and the bare lines and messages between them.

use crate::commands::append::{self, Beginning, Feed};
use crate::dispatch::{behind_tag, dispatch};
use crate::encode::{self, status::Status};
use crate::framing::{AFTER_LOGIN, BEFORE_LOGIN, Cut, Literal, Literals, Waiting};
use crate::grammar::Scanner;
use crate::home::Home;
use crate::job::Work;
use crate::log_on;
use crate::rules;
use crate::session::Imap;
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{Context, Output, Refused};

/// A literal that nobody wants is read and thrown away up to this size; a larger one ends the connection.
const MAX_SWALLOWED: u64 = 1024 * 1024;

/// What a literal leads to.
enum Announced {
    /// It was taken into the command, which goes on.
    GoesOn(State),
    /// There is something to do first.
    Turn(Turn),
}

impl Imap {
    pub(crate) fn received(&mut self, cx: &Context<'_>, state: State, bytes: &mut &[u8]) -> Turn {
        match state {
            State::Guest => self.command(cx, State::Guest, bytes),
            State::Home(home) => self.command(cx, State::Home(home), bytes),
            State::Authenticating(exchange) => {
                match self.frames.cut(bytes, BEFORE_LOGIN, Literals::Ignored) {
                    Cut::Command(line) => {
                        let turn = exchange.respond(&line);
                        wipe(line);
                        turn
                    }
                    Cut::More | Cut::Literal(_) => State::Authenticating(exchange).wait(),
                    Cut::TooLong(_) => exchange.too_long(),
                    Cut::Endless => endless(),
                }
            }
            State::Idling(idling) => {
                match self.frames.cut(bytes, BEFORE_LOGIN, Literals::Ignored) {
                    Cut::Command(line) => idling.respond(&line),
                    Cut::More | Cut::Literal(_) => State::Idling(idling).wait(),
                    Cut::TooLong(_) => idling.fail(),
                    Cut::Endless => endless(),
                }
            }
            State::Appending(mut appending) if !appending.is_whole() => {
                let feed = appending.take(bytes);
                Turn::run(Work::Append(appending, feed))
            }
            State::Appending(appending) => {
                let feed = match self.frames.cut(bytes, BEFORE_LOGIN, Literals::Read) {
                    Cut::Command(line) => match Scanner::new(&line).end() {
                        Ok(()) => Feed::Commit,
                        Err(fault) => Feed::Abandon(Status::from(fault)),
                    },
                    Cut::Literal(literal) => {
                        self.frames.refuse(literal);
                        Feed::Abandon(Status::bad("Expected one message."))
                    }
                    Cut::More => return State::Appending(appending).wait(),
                    Cut::TooLong(_) => {
                        let status = Status::bad("The line is too long.");
                        Feed::Abandon(status.because(Refused::Limit))
                    }
                    Cut::Endless => return endless(),
                };
                Turn::run(Work::Append(appending, feed))
            }
            _ => Turn::out_of_step(),
        }
    }

    /// Takes a command, or the next part of one.
    fn command(&mut self, cx: &Context<'_>, mut state: State, bytes: &mut &[u8]) -> Turn {
        let limit = match state {
            State::Guest => BEFORE_LOGIN,
            _ => AFTER_LOGIN,
        };
        loop {
            match self.frames.cut(bytes, limit, Literals::Read) {
                Cut::Command(line) => {
                    let turn = dispatch(cx, state, &line);
                    wipe(line);
                    if !turn.is_mistake() {
                        self.mistakes = 0;
                    }
                    return turn;
                }
                Cut::Literal(literal) => match self.announced(cx, state, literal, limit) {
                    Announced::GoesOn(same) => state = same,
                    Announced::Turn(turn) => return turn,
                },
                Cut::More => return state.wait(),
                Cut::TooLong(tag) => {
                    let status = Status::bad("The command is too long.").because(Refused::Limit);
                    return Turn::Mistake(state, tag, status);
                }
                Cut::Endless => return endless(),
            }
        }
    }

    /// Decides on a literal: whether it is a message for the store, belongs to the command, or is refused.
    fn announced(
        &mut self,
        cx: &Context<'_>,
        state: State,
        literal: Literal,
        limit: usize,
    ) -> Announced {
        let tag = Tag::recover(self.frames.held());
        let state = match (state, &tag) {
            (State::Home(home), Some(tag)) => match self.appended(cx, home, tag, literal) {
                Announced::GoesOn(state) => state,
                turn @ Announced::Turn(_) => return turn,
            },
            (State::Guest, Some(tag)) => {
                if let Err(refused) = may_send_literal(cx, self.frames.held()) {
                    self.frames.refuse(literal);
                    return Announced::Turn(Turn::status(State::Guest, tag, &refused));
                }
                State::Guest
            }
            (state, _) => state,
        };
        if self.frames.accept(literal, limit).is_ok() {
            return match literal.waiting {
                Waiting::No => Announced::GoesOn(state),
                Waiting::Yes => {
                    let mut out = Output::new();
                    out.bytes(b"+ Ready for literal data.\r\n");
                    Announced::Turn(Turn::say(state, out))
                }
            };
        }
        self.frames.refuse(literal);
        let status = Status::bad("The literal is too large.").because(Refused::Limit);
        if literal.waiting == Waiting::No && literal.len > MAX_SWALLOWED {
            let mut out = Output::new();
            status.write(tag.as_ref(), &mut out);
            encode::bye(&mut out, "", "Connection closed, the literal is too large.");
            return Announced::Turn(Turn::End(out));
        }
        Announced::Turn(Turn::Mistake(state, tag, status))
    }

    /// Takes over the message of an APPEND, or refuses it before it is sent.
    fn appended(&mut self, cx: &Context<'_>, home: Home, tag: &Tag, literal: Literal) -> Announced {
        let mut scanner = behind_tag(self.frames.held(), tag);
        let is_append = rules::find(&mut scanner).is_ok_and(|rule| rule.name == "APPEND");
        let Some(head) = append::announced(&mut scanner).filter(|_| is_append) else {
            return Announced::GoesOn(State::Home(home));
        };
        let refused = match head {
            Ok(_) if literal.len > cx.settings.append_limit => {
                Status::no("TOOBIG", "The message is too large.").because(Refused::Limit)
            }
            Ok(_) if literal.len == 0 => {
                Status::no("CANNOT", "The message is empty.").because(Refused::Syntax)
            }
            Ok(head) => {
                self.frames.take_over();
                let beginning = Beginning::new(tag.clone(), home, head, literal);
                let work = Work::BeginAppend(Box::new(beginning));
                return Announced::Turn(Turn::run(work));
            }
            Err(fault) => Status::from(fault),
        };
        self.frames.refuse(literal);
        Announced::Turn(Turn::refuse(State::Home(home), tag.clone(), refused))
    }
}

/// LOGIN is refused before a password is sent that must not be.
fn may_send_literal(cx: &Context<'_>, held: &[u8]) -> Result<(), Status> {
    let is_login = Tag::recover(held).is_some_and(|tag| {
        rules::find(&mut behind_tag(held, &tag)).is_ok_and(|rule| rule.name == "LOGIN")
    });
    if is_login {
        log_on::permitted(cx)
    } else {
        Ok(())
    }
}

/// A line may hold a password: its memory is wiped.
fn wipe(line: Cow<'_, [u8]>) {
    if let Cow::Owned(line) = line {
        drop(Secret::from(line));
    }
}

fn endless() -> Turn {
    let mut out = Output::new();
    out.refuse(Refused::Limit);
    encode::bye(&mut out, "", "Connection closed, the line is too long.");
    Turn::End(out)
}
