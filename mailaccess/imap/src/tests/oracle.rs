//! Another implementation of the grammar as a judge: it must read all that we write, and we must read the
//! commands that it makes.

use crate::commands::append;
use crate::dispatch::behind_tag;
use crate::framing::{Cut, Frames, Literals};
use crate::grammar::Fault;
use crate::rules::{self, Needs};
use crate::tag::Tag;
use arbitrary::{Arbitrary, Unstructured};
use imap_codec::decode::Decoder;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::command::Command;
use imap_codec::{CommandCodec, GreetingCodec, ResponseCodec};
use proptest::prelude::*;
use std::string::String;
use std::vec::Vec;

/// The other implementation reads these responses, all of them.
#[track_caller]
pub(super) fn reads(mut sent: &[u8]) {
    let codec = ResponseCodec::default();
    while !sent.is_empty() {
        match codec.decode(sent) {
            Ok((rest, _)) => sent = rest,
            Err(error) => panic!("{error:?} at {}", String::from_utf8_lossy(sent)),
        }
    }
}

/// The other implementation reads this greeting.
#[track_caller]
pub(super) fn reads_greeting(sent: &[u8]) {
    let read = GreetingCodec::default().decode(sent);
    assert!(read.is_ok_and(|(rest, _)| rest.is_empty()));
}

/// A command that the other implementation makes of these bytes; not all of them suffice for one.
pub(super) fn command(seed: &[u8]) -> Option<Vec<u8>> {
    let command = Command::arbitrary(&mut Unstructured::new(seed)).ok()?;
    Some(CommandCodec::default().encode(&command).dump())
}

/// How we read a command.
pub(super) fn read(line: &[u8]) -> Result<(), Fault> {
    let tag = Tag::recover(line).ok_or(Fault::Expected("a tag"))?;
    let mut scanner = behind_tag(line, &tag);
    let rule = rules::find(&mut scanner)?;
    if rule.name == "APPEND" {
        // Its message is taken over as soon as it is announced.
        return match append::announced(&mut scanner) {
            None => Err(Fault::Expected("a message")),
            Some(head) => head.map(drop),
        };
    }
    match rule.needs {
        Needs::Any(parse) => parse(&mut scanner).map(drop)?,
        Needs::Guest(parse) => parse(&mut scanner).map(drop)?,
        Needs::Open(parse) => parse(&mut scanner).map(drop)?,
        Needs::Account(parse) => parse(&mut scanner).map(drop)?,
        Needs::Mailbox(parse) => parse(&mut scanner).map(drop)?,
        Needs::Idle => {}
        Needs::Absent => return Ok(()),
    }
    scanner.end()
}

/// Why we may refuse a command that is well formed: an extension that is not advertised, or a limit.
fn may_refuse(text: &str, fault: Fault) -> bool {
    let by_fault = match fault {
        Fault::Name(_) | Fault::Charset | Fault::Mechanism | Fault::TooMany(_) => true,
        Fault::Expected("a tag") => Tag::recover(text.as_bytes()).is_none(),
        // It makes empty lists where the grammar has none, and days that are in no calendar.
        Fault::Expected(what) => {
            ["an item in the list", "a date", "a date and time"].contains(&what)
        }
        Fault::Incomplete(_) => false,
    };
    let extensions = ["BINARY", "~{", "STATUS", " SETQUOTA", "METADATA"];
    by_fault || extensions.iter().any(|word| text.contains(word))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn commands_of_the_other_implementation_are_read(seed in prop::collection::vec(any::<u8>(), 0..400)) {
        let Some(bytes) = command(&seed) else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Err(fault) = read(&bytes) {
            prop_assert!(may_refuse(&text, fault), "{fault:?} in {text}");
        }
    }

    #[test]
    fn a_command_is_framed_as_a_whole(seed in prop::collection::vec(any::<u8>(), 0..400), split in 1_usize..40) {
        let Some(bytes) = command(&seed) else {
            return Ok(());
        };
        let mut frames = Frames::new();
        let mut whole: Vec<Vec<u8>> = Vec::new();
        for mut piece in bytes.chunks(split) {
            loop {
                match frames.cut(&mut piece, 1 << 20, Literals::Read) {
                    Cut::Command(command) => whole.push(command.into_owned()),
                    Cut::Literal(literal) => frames.accept(literal, 1 << 20).unwrap(),
                    Cut::More => break,
                    cut => panic!("{cut:?}"),
                }
            }
        }
        prop_assert_eq!(whole, [bytes]);
    }
}

#[test]
fn the_judge_can_say_no() {
    for wrong in [
        "* 1 FETCH (FLAGS \\Seen)\r\n",
        "a YES done\r\n",
        "* LIST () \".\"\r\n",
    ] {
        let read = std::panic::catch_unwind(|| reads(wrong.as_bytes()));
        assert!(read.is_err(), "{wrong}");
    }
}
