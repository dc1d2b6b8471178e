//! Commands, sorted by the state they need (RFC 3501 6).

use crate::commands::authenticate::Authenticate;
use crate::commands::copy::Copy;
use crate::commands::create::Create;
use crate::commands::delete::Delete;
use crate::commands::expunge::Expunge;
use crate::commands::fetch::{Fetch, Fetching};
use crate::commands::list::List;
use crate::commands::login::Login;
use crate::commands::lsub::Lsub;
use crate::commands::namespace;
use crate::commands::search::{Search, Searching};
use crate::commands::status::StatusOf;
use crate::commands::store::{Store, Storing};
use crate::commands::subscribe::Subscription;
use crate::commands::{close, unselect};
use crate::encode::status::Status;
use crate::home::{Home, Selected};
use alloc::boxed::Box;
use mailaccess_mail::step::Output;

/// Valid in any state (RFC 3501 6.1).
pub(crate) enum AnyCommand {
    Capability,
    Id,
    Logout,
    Noop,
}

/// Valid before a login (RFC 3501 6.2).
pub(crate) enum GuestCommand {
    Authenticate(Authenticate),
    Login(Login),
    StartTls,
}

/// Valid after a login (RFC 3501 6.3).
pub(crate) enum AccountCommand {
    Create(Create),
    Delete(Delete),
    List(List),
    Lsub(Lsub),
    Namespace,
    Status(StatusOf),
    Subscribe(Subscription),
}

/// Valid in an open mailbox (RFC 3501 6.4).
pub(crate) enum MailboxCommand {
    Check,
    Close,
    Copy(Copy),
    Expunge(Expunge),
    Fetch(Box<Fetch>),
    Search(Box<Search>),
    Store(Box<Store>),
    Unselect,
}

/// What is left of a command in an open mailbox that goes in batches.
pub(crate) enum Batches {
    Fetching(Box<Fetching>),
    Searching(Box<Searching>),
    Storing(Box<Storing>),
}

/// How a batch of a command ended.
pub(crate) enum Step {
    /// It was the last one.
    Finished(Status),
    /// There are more.
    More,
}

/// How a command in an open mailbox goes on.
pub(crate) enum Progress {
    /// It is done.
    Finished(Home, Status),
    /// All there is to do is to look at what is new.
    Look(Home),
    /// There is more to do; what there is to send goes first.
    More(Box<Selected>, Batches),
}

impl AccountCommand {
    pub(crate) fn run(self, home: Home, out: &mut Output) -> (Home, Status) {
        let status = match self {
            Self::Create(create) => create.run(&home),
            Self::Delete(delete) => return delete.run(home),
            Self::List(list) => list.run(&home, out),
            Self::Lsub(lsub) => lsub.run(&home, out),
            Self::Namespace => namespace::run(out),
            Self::Status(status) => status.run(&home, out),
            Self::Subscribe(subscription) => subscription.run(&home),
        };
        (home, status)
    }
}

impl MailboxCommand {
    pub(crate) fn run(self, selected: Box<Selected>, out: &mut Output) -> Progress {
        let batches = match self {
            Self::Check => return Progress::Look(Home::Selected(selected)),
            Self::Close => {
                let (home, status) = close::run(selected);
                return Progress::Finished(home, status);
            }
            Self::Unselect => {
                let (home, status) = unselect::run(selected);
                return Progress::Finished(home, status);
            }
            Self::Copy(copy) => Err(copy.run(&selected)),
            Self::Expunge(expunge) => Err(expunge.run(&selected)),
            Self::Fetch(fetch) => fetch.begin(&selected).map(Batches::Fetching),
            Self::Search(search) => search.begin(&selected).map(Batches::Searching),
            Self::Store(store) => store.begin(&selected).map(Batches::Storing),
        };
        match batches {
            Ok(batches) => batches.run(selected, out),
            Err(status) => Progress::Finished(Home::Selected(selected), status),
        }
    }
}

impl Batches {
    /// Does the next batch.
    pub(crate) fn run(mut self, mut selected: Box<Selected>, out: &mut Output) -> Progress {
        let step = match &mut self {
            Self::Fetching(fetching) => fetching.step(&mut selected, out),
            Self::Searching(searching) => searching.step(&selected, out),
            Self::Storing(storing) => storing.step(&mut selected, out),
        };
        match step {
            Step::Finished(status) => Progress::Finished(Home::Selected(selected), status),
            Step::More => Progress::More(selected, self),
        }
    }
}
