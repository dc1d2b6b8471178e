//! Parenthesised lists.

use super::{Fault, Scanner};
use alloc::vec::Vec;

/// `"(" [item *(SP item)] ")"` with at most so many items.
pub(crate) fn list<T>(
    scanner: &mut Scanner<'_>,
    limit: usize,
    mut item: impl FnMut(&mut Scanner<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    scanner.byte(b'(', "an opening parenthesis")?;
    let mut items = Vec::new();
    if scanner.eat(b')') {
        return Ok(items);
    }
    loop {
        if items.len() == limit {
            return Err(Fault::TooMany("items in a list"));
        }
        items.push(item(scanner)?);
        if scanner.eat(b')') {
            return Ok(items);
        }
        scanner.byte(b' ', "a space or a closing parenthesis")?;
    }
}

/// The same with at least one item.
pub(crate) fn some<T>(
    scanner: &mut Scanner<'_>,
    limit: usize,
    item: impl FnMut(&mut Scanner<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let items = list(scanner, limit, item)?;
    if items.is_empty() {
        return Err(Fault::Expected("an item in the list"));
    }
    Ok(items)
}
