//! How large a session is between commands: thousands of them idle.

use crate::Imap;
use crate::commands::idle::Idling;
use crate::home::Selected;

#[test]
fn an_idle_session_is_small() {
    let sizes = [
        ("Imap", size_of::<Imap>(), 128),
        ("Selected", size_of::<Selected>(), 320),
        ("Idling", size_of::<Idling>(), 48),
    ];
    for (name, size, limit) in sizes {
        std::eprintln!("figure: IMAP's {name}: {size} bytes");
        assert!(
            size <= limit,
            "{name} has {size} bytes, at most {limit} are wanted"
        );
    }
}
