//! Where mail lies.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern;

/// The mail store: exactly one kind of store, of which there is one so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.maildir)", "must name exactly one store: maildir"))]
#[x_kube(validation = ("has(self.maildir) == has(oldSelf.maildir)", "the kind of store cannot change: everybody would see an empty mailbox"))]
pub struct Store {
    /// Maildir directories on a volume that all pods mount. No default: name its claim. rolls the pods
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maildir: Option<Maildir>,
}

/// Maildir on a shared volume, as Dovecot lays it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Maildir {
    /// The volume. rolls the pods
    pub persistent_volume_claim: PersistentVolumeClaimRef,
    /// Where a mailbox lies below the root of the volume: names joined by `/`, two of them `{domain}` and `{local}`, so that
    /// no two people share a mailbox; at most 255 characters; cannot change. Default: "{domain}/{local}/Maildir". rolls the pods
    #[serde(default = "path")]
    #[schemars(length(min = 1, max = 255), regex(pattern = pattern::MAILDIR_PATH))]
    #[x_kube(validation = (
        "self.split('/').exists_one(p, p == '{domain}') && self.split('/').exists_one(p, p == '{local}')",
        "must hold {domain} and {local} once each, so that no two people share a mailbox"
    ))]
    #[x_kube(validation = ("self == oldSelf", "cannot change: everybody would see an empty mailbox"))]
    pub path: String,
    /// How folders are laid out in a mailbox; cannot change. Default: MaildirPlusPlus, folders as `.Parent.Child`. rolls the
    /// pods
    #[serde(default)]
    #[x_kube(validation = ("self == oldSelf", "cannot change: everybody would see an empty mailbox"))]
    pub layout: Layout,
    /// User id that owns the mail and that pods run as, 1 to 2147483647. Default: 5000. rolls the pods
    #[serde(default = "owner")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_user: i64,
    /// Group id that owns the mail and that pods run as, 1 to 2147483647; it is never an fsGroup, which would change the
    /// owner of every file. Default: 5000. rolls the pods
    #[serde(default = "owner")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_group: i64,
}

/// A PersistentVolumeClaim of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersistentVolumeClaimRef {
    /// Name of the PersistentVolumeClaim; ReadWriteMany where pods run on several nodes. No default. rolls the pods
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::OBJECT_NAME))]
    pub claim_name: String,
}

/// How folders are laid out in a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Layout {
    /// `.Parent.Child` beside `cur`, `new` and `tmp`.
    #[default]
    MaildirPlusPlus,
}

fn path() -> String {
    "{domain}/{local}/Maildir".to_owned()
}

fn owner() -> i64 {
    5000
}
