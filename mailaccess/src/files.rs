//! How many files and sockets this process may have open: as many as it is allowed, since the usual limit of
//! 1,024 is lower than the usual maxConnections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the system allows.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, allowed) {
        Ok(()) => tracing::debug!(before = ?current, now = ?maximum, "limit of open files"),
        Err(error) => tracing::warn!(?current, %error, "the limit of open files stays low"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_is_allowed() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
