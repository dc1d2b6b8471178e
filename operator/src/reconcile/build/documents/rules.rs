//! The `rules` document: what is said of groups.

use crate::reconcile::validate::Validated;
use mailaccess_config::{ContentError, Rules};

/// Its content.
pub fn content(validated: &Validated) -> Result<String, ContentError> {
    let rules = Rules {
        groups: validated.mailboxes.groups.clone(),
    };
    let text = rules.to_text()?;
    Rules::from_text(&text)?;
    Ok(text)
}
