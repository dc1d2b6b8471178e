//! What one session has been told of its mailbox, built from untagged responses alone. A response that
//! does not fit what was said before fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// Flags and keywords, without `\Recent`, which each session has of its own.
pub(crate) type FlagNames = BTreeSet<String>;

/// A message that a session knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) uid: u32,
    pub(crate) token: String,
    pub(crate) flags: FlagNames,
}

/// A message as far as the session was told.
#[derive(Debug, Default)]
struct Seat {
    uid: Option<u32>,
    token: Option<String>,
    flags: Option<FlagNames>,
}

/// A session's mailbox.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// By sequence number.
    seats: Vec<Seat>,
    /// UIDs that this session was told are gone.
    pub(crate) gone: BTreeSet<u32>,
    /// Every UID that this session ever saw, with its message.
    pub(crate) ever: BTreeMap<u32, String>,
    /// How many EXPUNGE responses came.
    pub(crate) expunges: usize,
}

impl View {
    /// Takes one untagged response.
    #[track_caller]
    pub(crate) fn take(&mut self, line: &str) {
        if let Err(why) = self.try_take(line) {
            panic!("{why}: {line}");
        }
    }

    fn try_take(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split([' ', '\r']);
        if words.next() != Some("*") || line.starts_with("* BYE") {
            return Err("not expected".to_owned());
        }
        let Some(number) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            return Ok(());
        };
        let len = self.seats.len();
        match words.next() {
            Some("EXISTS") if number >= len => {
                self.seats.resize_with(number, Seat::default);
                Ok(())
            }
            Some("EXPUNGE") if (1..=len).contains(&number) => self.expunge(number),
            Some("FETCH") if (1..=len).contains(&number) => self.fetch(number, line),
            Some("RECENT") => Ok(()),
            _ => Err(format!("not expected with {len} messages")),
        }
    }

    fn expunge(&mut self, number: usize) -> Result<(), String> {
        self.expunges += 1;
        match self.seats.remove(number - 1).uid {
            Some(uid) if !self.gone.insert(uid) => Err(format!("UID {uid} went twice")),
            _ => Ok(()),
        }
    }

    fn fetch(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(uid) = between(line, "UID ", &[' ', ')']) {
            let uid = uid.parse().map_err(|_| "no UID".to_owned())?;
            self.name(number, uid)?;
        }
        let seat = &mut self.seats[number - 1];
        if let Some(flags) = between(line, "FLAGS (", &[')']) {
            seat.flags = Some(flag_names(flags));
        }
        if let Some(token) = between(line, "X-Token: ", &['\r']) {
            let uid = seat.uid.ok_or("a token without its UID")?;
            seat.token = Some(token.to_owned());
            let before = self.ever.insert(uid, token.to_owned());
            if let Some(before) = before.filter(|before| before != token) {
                return Err(format!("UID {uid} was {before}"));
            }
        }
        Ok(())
    }

    /// Learns a message's UID, which must fit its place.
    fn name(&mut self, number: usize, uid: u32) -> Result<(), String> {
        if let Some(known) = self.seats[number - 1].uid {
            let same = (known == uid).then_some(());
            return same.ok_or(format!("this is UID {known}"));
        }
        if self.gone.contains(&uid) {
            return Err(format!("UID {uid} is back"));
        }
        let (before, after) = self.seats.split_at(number - 1);
        let before = before.iter().filter_map(|seat| seat.uid).max();
        let after = after.iter().filter_map(|seat| seat.uid).min();
        if before.is_some_and(|other| other >= uid) || after.is_some_and(|other| other <= uid) {
            return Err(format!("UID {uid} is between {before:?} and {after:?}"));
        }
        self.seats[number - 1].uid = Some(uid);
        Ok(())
    }

    /// What this session did silently to a message.
    pub(crate) fn add_silently(&mut self, uid: u32, flag: &str) {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.uid == Some(uid)) {
            seat.flags.get_or_insert_default().insert(flag.to_owned());
        }
    }

    /// The UID from which on messages have to be asked for.
    pub(crate) fn first_unknown(&self) -> Option<u32> {
        let complete = |seat: &&Seat| seat.token.is_some() && seat.flags.is_some();
        if self.seats.iter().all(|seat| complete(&seat)) {
            return None;
        }
        let known = self.seats.iter().take_while(complete);
        Some(known.filter_map(|seat| seat.uid).max().unwrap_or(0) + 1)
    }

    /// The messages that are known entirely, with their sequence numbers.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (usize, u32, &str)> {
        let numbered = (1..).zip(&self.seats);
        numbered.filter_map(|(number, seat)| Some((number, seat.uid?, seat.token.as_deref()?)))
    }

    /// The whole view; nothing when something in it is not known.
    pub(crate) fn known(&self) -> Option<Vec<Known>> {
        self.seats
            .iter()
            .map(|seat| {
                Some(Known {
                    uid: seat.uid?,
                    token: seat.token.clone()?,
                    flags: seat.flags.clone()?,
                })
            })
            .collect()
    }
}

/// Flags as a response lists them.
pub(crate) fn flag_names(list: &str) -> FlagNames {
    list.split(' ')
        .filter(|flag| !flag.is_empty() && *flag != "\\Recent")
        .map(ToOwned::to_owned)
        .collect()
}

fn between<'a>(line: &'a str, from: &str, to: &[char]) -> Option<&'a str> {
    let rest = &line[line.find(from)? + from.len()..];
    Some(&rest[..rest.find(to)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> View {
        let mut view = View::default();
        for line in lines {
            view.take(line);
        }
        view
    }

    const THREE: [&str; 3] = [
        "* 3 EXISTS",
        "* 1 FETCH (UID 4 FLAGS (\\Seen k) BODY[HEADER.FIELDS (X-Token)] {15}\r\nX-Token: a\r\n\r\n)",
        "* 3 FETCH (UID 9 FLAGS (\\Recent))",
    ];

    #[test]
    fn a_view_is_what_was_told() {
        let mut view = told(&THREE);
        assert_eq!(view.first_unknown(), Some(5));
        assert_eq!(view.messages().collect::<Vec<_>>(), [(1, 4, "a")]);
        view.take("* 2 EXPUNGE");
        view.take("* 2 EXPUNGE");
        assert_eq!(view.gone, BTreeSet::from([9]));
        view.take("* 1 FETCH (FLAGS (k))");
        let known = view.known().unwrap();
        assert_eq!(known[0].flags, flag_names("k"));
        assert_eq!(view.first_unknown(), None);
    }

    #[test]
    fn what_contradicts_it_is_refused() {
        for line in [
            "* 2 EXISTS",
            "* 4 EXPUNGE",
            "* 4 FETCH (UID 10)",
            "* 1 FETCH (UID 5)",
            "* 2 FETCH (UID 9)",
            "* 2 FETCH (UID 3)",
            "* 1 FETCH (UID 4 BODY[HEADER.FIELDS (X-Token)] {15}\r\nX-Token: b\r\n\r\n)",
            "* BYE",
        ] {
            assert!(told(&THREE).try_take(line).is_err(), "{line} was taken");
        }
    }
}
