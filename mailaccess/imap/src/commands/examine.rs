//! EXAMINE (RFC 3501 6.3.2): SELECT for reading only.

use super::select::{self, Open};
use crate::grammar::{Fault, Scanner};
use crate::view::Access;

/// ```text
/// examine = "EXAMINE" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Open, Fault> {
    select::read(scanner, Access::ReadOnly)
}
