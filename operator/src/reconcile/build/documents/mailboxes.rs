//! The `mailboxes` documents: what is said of each mailbox, and its groups.

use crate::reconcile::validate::Validated;
use mailaccess_config::{ContentError, Mailboxes, Shard};

/// The content of every shard, empty ones too: a pod that has not seen one denies.
pub fn contents(
    validated: &Validated,
) -> impl Iterator<Item = (Shard, Result<String, ContentError>)> {
    let mut shards: Vec<Mailboxes> = vec![Mailboxes::default(); Shard::COUNT];
    for (address, rights) in &validated.mailboxes.mailboxes {
        let rows = &mut shards[address.shard().index()].rows;
        rows.entry(address.clone()).or_default().rights = *rights;
    }
    for (address, groups) in &validated.people.groups_of {
        let rows = &mut shards[address.shard().index()].rows;
        rows.entry(address.clone())
            .or_default()
            .groups
            .clone_from(groups);
    }
    Shard::all().zip(shards).map(|(shard, mut mailboxes)| {
        mailboxes.rows.retain(|_, row| !row.is_empty());
        let text = mailboxes.to_text().and_then(|text| {
            Mailboxes::from_text(shard, &text)?;
            Ok(text)
        });
        (shard, text)
    })
}
