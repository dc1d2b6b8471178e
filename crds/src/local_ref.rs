//! References to other objects. All of them are in the namespace of the object that refers: nobody reaches another team's Secret.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::pattern;

/// The MailAccessServer of the same namespace that this object belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerRef {
    /// Name of the MailAccessServer, a DNS-1035 label of at most 40 characters. No default. Exchange: -Server of
    /// Set-ImapSettings and Set-PopSettings. hot
    #[schemars(length(min = 1, max = 40), regex(pattern = pattern::SERVER_NAME))]
    pub name: String,
}

/// A Secret of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret. No default. hot
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::OBJECT_NAME))]
    pub name: String,
}
