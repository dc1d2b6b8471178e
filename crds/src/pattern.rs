//! The patterns of the schemas, each named once. They hold in Go's RE2 and in Rust's `regex` alike, so none uses a class
//! (`\s`, `\w`, `\d`, `\b`) that the two read differently.

/// A name that becomes a Service's name: a DNS-1035 label (RFC 1035 2.3.1); its length is bounded beside it.
pub(crate) const SERVER_NAME: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

/// The name of any object of the cluster: a DNS-1123 subdomain.
pub(crate) const OBJECT_NAME: &str =
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A domain in its canonical form: lower case, no final dot.
pub(crate) const DOMAIN: &str =
    r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";

/// A `NetBIOS` name as Windows accepts it for a domain.
pub(crate) const NETBIOS_NAME: &str = "^[A-Za-z0-9][-_A-Za-z0-9]*$";

/// Printable ASCII without `<` (an APOP challenge, RFC 1939 7); no leading space or `[` (a response code, RFC 3501 7.1).
pub(crate) const BANNER: &str = r"^[!-;=-Z\\\]-~][ -;=-~]*$";

/// `local@domain` with a dot-atom (RFC 5322 3.2.3) before the `@`, or `DOMAIN\user`; no `/`, which would leave a directory.
pub(crate) const MAILBOX: &str = r"^(([A-Za-z0-9!#$%&'*+=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+=?^_`{|}~-]+)*)@[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*|[A-Za-z0-9][-_A-Za-z0-9]{0,14}\\[A-Za-z0-9!#$%&'*+=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+=?^_`{|}~-]+)*)$";

/// A group's name as a `group` line can hold it: no colon, no control character, no space at either end.
pub(crate) const GROUP_NAME: &str = r"^[^ :\x00-\x1f\x7f]([^:\x00-\x1f\x7f]*[^ :\x00-\x1f\x7f])?$";

/// Relative, each part either `{domain}`, `{local}` or a plain name without a leading dot.
pub(crate) const MAILDIR_PATH: &str = r"^(\{domain\}|\{local\}|[A-Za-z0-9_-][A-Za-z0-9._-]*)(/(\{domain\}|\{local\}|[A-Za-z0-9_-][A-Za-z0-9._-]*))*$";

/// `[1-9][0-9]*` followed by its unit.
pub(crate) const DURATION: &str = "^[1-9][0-9]*(s|m|h)$";

/// An image reference: no space, no control character.
pub(crate) const IMAGE: &str = "^[!-~]+$";

/// A label-like name with an optional prefix, as Kubernetes asks of load balancer classes.
pub(crate) const QUALIFIED_NAME: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
