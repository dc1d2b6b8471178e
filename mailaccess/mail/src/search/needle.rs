//! A text to be found, and a haystack that comes in pieces.

use super::fold::fold;
use memchr::memmem::Finder;

/// A text to be found, folded once.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Vec::new();
        fold(text, &mut folded);
        Self {
            finder: Finder::new(&folded).into_owned(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }
}

/// So many bytes are folded at once: text may become eleven times as long by it.
const PIECE: usize = 64 * 1024;

/// A haystack that comes in pieces; holds one piece, and of those before as much as a find may need.
pub(super) struct Haystack<'n> {
    needle: &'n Needle,
    folded: Vec<u8>,
    found: bool,
}

impl<'n> Haystack<'n> {
    pub(super) fn new(needle: &'n Needle) -> Self {
        Self {
            needle,
            folded: Vec::new(),
            found: needle.is_empty(),
        }
    }

    /// Whether the needle was in what was added.
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Adds text behind what was added before.
    pub(super) fn add(&mut self, text: &str) {
        let mut rest = text;
        while !self.found && !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
            self.add_piece(piece);
            rest = behind;
        }
    }

    fn add_piece(&mut self, text: &str) {
        fold(text, &mut self.folded);
        self.found = self.needle.finder.find(&self.folded).is_some();
        let keep = self.needle.finder.needle().len() - 1;
        let done = self.folded.len().saturating_sub(keep);
        self.folded.drain(..done);
    }

    /// Forgets what was added: what comes next does not follow it.
    pub(super) fn cut(&mut self) {
        self.folded.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            pieces in prop::collection::vec("[aBéÉ ]{0,4}", 0..12),
            text in "[abéÉ ]{0,5}",
        ) {
            let needle = Needle::new(&text);
            let mut haystack = Haystack::new(&needle);
            for piece in &pieces {
                haystack.add(piece);
            }
            let folded = |text: &str| {
                let mut into = Vec::new();
                fold(text, &mut into);
                String::from_utf8(into).unwrap()
            };
            let expected = folded(&pieces.concat()).contains(&folded(&text));
            prop_assert_eq!(haystack.found(), expected);
        }
    }
}
