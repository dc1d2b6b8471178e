//! The `credentials` documents: everybody's password hash. Who has a bad line has none, and is denied.

use crate::reconcile::validate::Validated;
use mailaccess_config::{ContentError, Credentials, Shard};

/// The content of every shard, empty ones too.
pub fn contents(
    validated: &Validated,
) -> impl Iterator<Item = (Shard, Result<String, ContentError>)> {
    let mut shards: Vec<Credentials> = vec![Credentials::default(); Shard::COUNT];
    for (address, hash) in &validated.people.passwords {
        if let Some(hash) = hash {
            let rows = &mut shards[address.shard().index()].rows;
            rows.insert(address.clone(), hash.clone());
        }
    }
    Shard::all().zip(shards).map(|(shard, credentials)| {
        let text = credentials.to_text();
        let text = Credentials::from_text(shard, &text).map(|_| text);
        (shard, text)
    })
}
