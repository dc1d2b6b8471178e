//! UIDs as APPENDUID and COPYUID give them (RFC 4315 3): in their order, runs drawn together.

use core::fmt;
use mailaccess_mail::Uid;

/// ```text
/// uid-set = (uniqueid / uid-range) *("," uid-set)                   ; RFC 4315 4
/// ```
pub(crate) struct UidSet<I>(pub(crate) I);

impl<I: Iterator<Item = Uid> + Clone> fmt::Display for UidSet<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut uids = self.0.clone().peekable();
        let mut separator = "";
        while let Some(first) = uids.next() {
            let mut last = first;
            while let Some(next) = uids.next_if(|uid| last.next() == Some(*uid)) {
                last = next;
            }
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}:{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::UidSet;
    use alloc::string::ToString;
    use mailaccess_mail::Uid;

    #[test]
    fn runs_are_drawn_together_and_the_order_stays() {
        for (uids, expect) in [
            (&[1, 2, 3][..], "1:3"),
            (&[5], "5"),
            (&[9, 3, 4, 6], "9,3:4,6"),
            (&[4_294_967_295, 1], "4294967295,1"),
        ] {
            let uids = uids.iter().filter_map(|uid| Uid::new(*uid));
            assert_eq!(UidSet(uids).to_string(), expect);
        }
    }
}
