//! `mailaccess init`: makes a directory a volume for mail, and mailboxes in it. What is there already is
//! never touched, so doing it twice is once.

mod demo;

use crate::cli;
use anyhow::{Context as _, Result};
use mailaccess_config::{MailboxAddress, PathTemplate};
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::{ErrorKind, Subscribed};
use mailaccess_store::maildir::{AccountPath, Delivery, MARKER, Options, Store};
use rustix::fs::{Gid, Uid};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

/// Whose mailboxes the demo is about.
const DEMO_PEOPLE: [&str; 2] = ["ann@example.com", "bob@example.com"];

/// What came of it.
#[derive(Debug, Default)]
pub struct Done {
    /// What there is now, line by line.
    pub said: Vec<String>,
    /// Whose mailbox could not be made: it keeps nobody else from theirs.
    pub failures: Vec<anyhow::Error>,
}

/// Does it. Without a volume nothing is done.
pub fn init(arguments: &cli::Init) -> Result<Done> {
    let root = &arguments.directory;
    become_owner(root, arguments.uid, arguments.gid)?;
    let mut done = prepare(arguments).map_err(|error| with_remedy(error, root))?;
    let failures = done.failures.into_iter();
    done.failures = failures.map(|error| with_remedy(error, root)).collect();
    Ok(done)
}

fn prepare(arguments: &cli::Init) -> Result<Done> {
    let root = &arguments.directory;
    let mut done = Done::default();
    let marked = root.join(MARKER).exists();
    Store::initialise(root)?;
    done.said.push(if marked {
        format!("{} is a volume for mail already", root.display())
    } else {
        format!("{} is a volume for mail now", root.display())
    });
    let store = Store::open(root, Options::default());
    store.check()?;
    let demo_people = DEMO_PEOPLE.iter().filter_map(|person| person.parse().ok());
    let people: Vec<MailboxAddress> = if arguments.demo && arguments.user.is_empty() {
        demo_people.collect()
    } else {
        arguments.user.clone()
    };
    let content = if arguments.demo { demo::ALL } else { &[] };
    for person in people {
        let made = make_mailbox(&store, &person, &arguments.path, content)
            .with_context(|| format!("make the mailbox of {person}"));
        match made {
            Ok(made) => done.said.push(made),
            Err(error) => done.failures.push(error),
        }
    }
    Ok(done)
}

/// Where the volume is somebody else's, what its keeper has to do: a volume may ignore `fsGroup`.
fn with_remedy(error: anyhow::Error, root: &Path) -> anyhow::Error {
    let is_denied = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::PermissionDenied);
    let Ok(found) = fs::metadata(root) else {
        return error;
    };
    if !is_denied {
        return error;
    }
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    error.context(format!(
        "{root} belongs to {}:{} with mode {:o}, and {uid}:{gid}, as whom this runs, may not write there; \
         on the volume's server, as root: chown {uid}:{gid} {root} && chmod g+rwxs {root} (with -R if there is \
         mail in it already)",
        found.uid(),
        found.gid(),
        found.mode() & 0o7777,
        root = root.display(),
    ))
}

/// Makes a mailbox with these messages, unless there is one.
fn make_mailbox(
    store: &Store,
    person: &MailboxAddress,
    template: &PathTemplate,
    content: &[demo::Demo],
) -> Result<String> {
    let path = AccountPath::new(template.expand(person)?.parts())?;
    if store.account(&path).is_ok() {
        return Ok(format!(
            "{person}: there is a mailbox at {path}, left alone"
        ));
    }
    store.create_account(&path)?;
    let account = store.account(&path)?;
    for message in content {
        let mailbox = MailboxName::new(message.mailbox)?;
        if !mailbox.is_inbox() {
            match account.create(&mailbox) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                result => result?,
            }
            account.set_subscribed(&mailbox, Subscribed::Yes)?;
        }
        let delivery = Delivery {
            bytes: message.bytes,
            flags: message.flags(),
            internal_date: message.internal_date(),
        };
        store.deliver(&path, &mailbox, &delivery)?;
    }
    Ok(format!("{person}: {} messages at {path}", content.len()))
}

/// Makes the root where it is missing and gives it to the owner asked for; from then on acts as that owner,
/// so that everything made below is theirs.
fn become_owner(root: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    if uid.is_none() && gid.is_none() {
        return Ok(());
    }
    fs::create_dir_all(root).with_context(|| format!("make {}", root.display()))?;
    if !root.join(MARKER).exists() {
        chown(root, uid, gid).with_context(|| format!("give {} away", root.display()))?;
    }
    if let Some(gid) = gid {
        let gid = Gid::from_raw(gid);
        rustix::thread::set_thread_groups(&[gid])
            .and_then(|()| rustix::thread::set_thread_gid(gid))
            .context("act for the group asked for")?;
    }
    if let Some(uid) = uid {
        rustix::thread::set_thread_uid(Uid::from_raw(uid)).context("act for the user asked for")?;
    }
    Ok(())
}
