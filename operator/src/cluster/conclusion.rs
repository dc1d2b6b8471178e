//! What the statuses of a pass become: what is written, and what the next ones are compared with.

use super::kind::Kind;
use super::update_status::Wanted;
use crate::reconcile::Observed;
use crate::reconcile::dereference::{ServerRef as _, World};
use crate::reconcile::update_status::Statuses;

/// The statuses as what is written.
pub fn wanted(world: &World, statuses: &Statuses, is_first: bool) -> Wanted {
    let json = |status: serde_json::Result<serde_json::Value>| status.unwrap_or_default();
    let mut wanted = Wanted::new();
    wanted.insert(
        (Kind::MailAccessServer, world.server.name().to_owned()),
        json(serde_json::to_value(&statuses.server)),
    );
    for object in &world.mailboxes {
        if let Some(status) = statuses.mailboxes.get(object.name())
            && (is_first || object.server_name().is_some())
        {
            wanted.insert(
                (Kind::CASMailbox, object.name().to_owned()),
                json(serde_json::to_value(status)),
            );
        }
    }
    for object in &world.bindings {
        if let Some(status) = statuses.bindings.get(object.name())
            && (is_first || object.server_name().is_some())
        {
            wanted.insert(
                (Kind::CertificateBinding, object.name().to_owned()),
                json(serde_json::to_value(status)),
            );
        }
    }
    wanted
}

/// The statuses become what the next ones are compared with.
pub fn adopt(world: &mut World, statuses: Statuses) {
    let Statuses {
        server,
        mut mailboxes,
        mut bindings,
    } = statuses;
    match &mut world.server {
        Observed::Valid(object) => object.status = Some(server),
        Observed::Invalid(object) => put_status(&mut object.raw, &server),
    }
    for object in &mut world.mailboxes {
        let Some(status) = mailboxes.remove(object.name()) else {
            continue;
        };
        match object {
            Observed::Valid(object) => object.status = Some(status),
            Observed::Invalid(object) => put_status(&mut object.raw, &status),
        }
    }
    for object in &mut world.bindings {
        let Some(status) = bindings.remove(object.name()) else {
            continue;
        };
        match object {
            Observed::Valid(object) => object.status = Some(status),
            Observed::Invalid(object) => put_status(&mut object.raw, &status),
        }
    }
}

fn put_status(raw: &mut serde_json::Value, status: &impl serde::Serialize) {
    if let (Some(raw), Ok(status)) = (raw.as_object_mut(), serde_json::to_value(status)) {
        raw.insert("status".to_owned(), status);
    }
}
