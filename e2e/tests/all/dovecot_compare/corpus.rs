//! `e2e/corpus`: messages that are hard to read, and how they come into a Maildir.

use crate::harness::{Maildir, checkout};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// 2026-02-01, 12:00 UTC: when the first message was received.
const FIRST_RECEIVED: u64 = 1_769_947_200;
const DAY: u64 = 24 * 60 * 60;

/// Their letters are `a` and `b`.
const KEYWORDS: &str = "0 $Forwarded\n1 Work\n";

/// A message.
struct Message {
    name: String,
    bytes: Vec<u8>,
}

/// All messages, in the order of their names.
pub(super) struct Corpus(Vec<Message>);

impl Corpus {
    pub(super) fn read() -> Self {
        let mut messages: Vec<_> = fs::read_dir(checkout().join("e2e/corpus"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .map(|path| Message {
                name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
                bytes: fs::read(path).unwrap(),
            })
            .collect();
        messages.sort_by(|one, other| one.name.cmp(&other.name));
        // The new ones come last: they are delivered when the others have their UIDs.
        let new = messages.extract_if(.., every_eighth()).collect::<Vec<_>>();
        messages.extend(new);
        Self(messages)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of the message with this sequence number.
    pub(super) fn name(&self, number: usize) -> &str {
        &self.0[number - 1].name
    }

    /// Makes a Maildir of all messages but the new ones, each a day after the one before, with flags and
    /// keywords that follow from its place. There is no uidlist yet.
    pub(super) fn lay(&self, maildir: &Maildir) {
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.0.join(folder)).unwrap();
        }
        fs::write(maildir.0.join("dovecot-keywords"), KEYWORDS).unwrap();
        for place in 0..self.new_from() {
            let name = format!("{}:2,{}", base_name(place), letters(place));
            self.write(place, &maildir.0.join("cur").join(name));
        }
    }

    /// Delivers the new ones.
    pub(super) fn deliver(&self, maildir: &Maildir) {
        for place in self.new_from()..self.len() {
            self.write(place, &maildir.0.join("new").join(base_name(place)));
        }
    }

    fn new_from(&self) -> usize {
        self.len() - self.len() / 8
    }

    fn write(&self, place: usize, path: &Path) {
        fs::write(path, &self.0[place].bytes).unwrap();
        set_received(path, place);
    }
}

/// Copies what a server has made of a Maildir: files, flags, uidlist and keywords.
pub(super) fn copy(from: &Maildir, to: &Maildir) {
    for folder in ["", "cur", "new", "tmp"] {
        fs::create_dir_all(to.0.join(folder)).unwrap();
        for entry in fs::read_dir(from.0.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let copy = to.0.join(folder).join(entry.file_name());
                fs::copy(entry.path(), &copy).unwrap();
                let modified = entry.metadata().unwrap().modified().unwrap();
                set_modified(&copy, modified);
            }
        }
    }
}

fn every_eighth() -> impl FnMut(&mut Message) -> bool {
    let mut place = 0;
    move |_| {
        place += 1;
        place % 8 == 0
    }
}

fn received(place: usize) -> u64 {
    FIRST_RECEIVED + DAY * u64::try_from(place).unwrap()
}

fn base_name(place: usize) -> String {
    format!("{}.M{place:03}P1.corpus", received(place))
}

fn set_received(path: &Path, place: usize) {
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs(received(place));
    set_modified(path, received);
}

fn set_modified(path: &Path, modified: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(modified).unwrap();
}

/// The flags of the message at this place.
fn letters(place: usize) -> String {
    [
        (2, 'S'),
        (3, 'R'),
        (5, 'F'),
        (7, 'D'),
        (11, 'T'),
        (4, 'a'),
        (6, 'b'),
    ]
    .into_iter()
    .filter(|(every, _)| place.is_multiple_of(*every))
    .map(|(_, letter)| letter)
    .collect::<std::collections::BTreeSet<_>>()
    .into_iter()
    .collect()
}
