//! Flags as they are shown: of a message, of a mailbox, and those that can be set.

use super::line;
use crate::view::{Access, View};
use core::fmt;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::NewKeywords;
use mailaccess_mail::{Flags, Keyword, SystemFlag};

/// Whether a session sees a message as recent (RFC 3501 2.3.2 `\Recent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recent {
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl From<bool> for Recent {
    fn from(recent: bool) -> Self {
        if recent { Self::Yes } else { Self::No }
    }
}

/// The flags of a message, in parentheses.
pub(crate) fn of_message(flags: &Flags, recent: Recent) -> impl fmt::Display + '_ {
    let last = (recent == Recent::Yes).then_some("\\Recent");
    fmt::from_fn(move |f| list(f, flags.system(), flags.keywords(), last))
}

/// Notes keywords that the session has not heard of, and says that they are there now.
pub(crate) fn learn(view: &mut View, flags: &Flags, out: &mut Output) {
    if view.learn(flags) {
        of_mailbox(view, out);
    }
}

/// The flags of a mailbox, and which of them can be set (RFC 3501 7.1 PERMANENTFLAGS, 7.2.6 FLAGS).
pub(crate) fn of_mailbox(view: &View, out: &mut Output) {
    let system = SystemFlag::ALL;
    let flags = fmt::from_fn(|f| list(f, system.into_iter(), view.keywords(), None));
    line(out, format_args!("* FLAGS {flags}"));
    if view.access() == Access::ReadOnly {
        let text = "No flag can be changed.";
        line(out, format_args!("* OK [PERMANENTFLAGS ()] {text}"));
        return;
    }
    let any = (view.new_keywords() == NewKeywords::Accepted).then_some("\\*");
    let flags = fmt::from_fn(|f| list(f, system.into_iter(), view.keywords(), any));
    let text = "Flags that can be changed.";
    line(out, format_args!("* OK [PERMANENTFLAGS {flags}] {text}"));
}

fn list(
    f: &mut fmt::Formatter<'_>,
    system: impl Iterator<Item = SystemFlag>,
    keywords: &[Keyword],
    last: Option<&str>,
) -> fmt::Result {
    let names = system
        .map(|flag| -> &str { flag.name() })
        .chain(keywords.iter().map(Keyword::as_str))
        .chain(last);
    f.write_str("(")?;
    for (index, name) in names.enumerate() {
        let separator = if index == 0 { "" } else { " " };
        write!(f, "{separator}{name}")?;
    }
    f.write_str(")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn flags_stand_in_parentheses() {
        let mut flags = Flags::from_iter([SystemFlag::Seen, SystemFlag::Answered]);
        flags.insert_keyword(Keyword::new("$Junk").unwrap());
        assert_eq!(
            of_message(&flags, Recent::Yes).to_string(),
            "(\\Answered \\Seen $Junk \\Recent)"
        );
        assert_eq!(of_message(&Flags::none(), Recent::No).to_string(), "()");
    }
}
