//! CASMailbox: which protocols a mailbox, or whoever is in a group, may use.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]
#![expect(clippy::duplicated_attributes, reason = "columns have like parts")]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{Condition, ServerRef, condition::unobserved, pattern};

/// Protocol access of one mailbox or of the members of one distribution group. It can give or take access by a protocol
/// and nothing else: its editors reach nobody's mail or password.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "mailaccess.dev",
    version = "v1alpha1",
    kind = "CASMailbox",
    plural = "casmailboxes",
    doc = "Protocol access of one mailbox, or of whoever is in a distribution group. A mailbox's own rule beats its groups', theirs beat the server's default.",
    namespaced,
    derive = "PartialEq",
    status = "CASMailboxStatus",
    shortname = "casm",
    category = "mailaccess",
    selectable = ".spec.serverRef.name",
    selectable = ".spec.mailbox",
    selectable = ".spec.distributionGroup",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether it is obeyed by every pod"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why, or why not"
    ),
    printcolumn(
        name = "Mailbox",
        type_ = "string",
        json_path = ".spec.mailbox",
        description = "The mailbox it is about"
    ),
    printcolumn(
        name = "Group",
        type_ = "string",
        json_path = ".spec.distributionGroup",
        description = "The distribution group it is about"
    ),
    printcolumn(
        name = "IMAP",
        type_ = "boolean",
        json_path = ".spec.imapEnabled",
        description = "IMAP4 given or taken; empty inherits"
    ),
    printcolumn(
        name = "POP",
        type_ = "boolean",
        json_path = ".spec.popEnabled",
        description = "POP3 given or taken; empty inherits"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "How long it has been there"
    ),
    printcolumn(
        name = "Server",
        type_ = "string",
        json_path = ".spec.serverRef.name",
        priority = 1,
        description = "The MailAccessServer it belongs to"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1,
        description = "The reason in a sentence"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "[has(self.mailbox), has(self.distributionGroup)].exists_one(t, t)",
    "must have exactly one of mailbox and distributionGroup"
))]
#[x_kube(validation = (
    "(has(self.mailbox) ? self.mailbox : '') == (has(oldSelf.mailbox) ? oldSelf.mailbox : '') && (has(self.distributionGroup) ? self.distributionGroup : '') == (has(oldSelf.distributionGroup) ? oldSelf.distributionGroup : '')",
    "mailbox and distributionGroup cannot change: make another CASMailbox"
))]
pub struct CASMailboxSpec {
    /// The server whose access it rules; cannot change. hot
    #[x_kube(validation = ("self == oldSelf", "cannot change: make another CASMailbox"))]
    pub server_ref: ServerRef,
    /// The mailbox: its canonical address, or `DOMAIN\user` with the netbiosName of a domain; at most 320 characters; cannot
    /// change. No default; exactly one of mailbox and distributionGroup. Exchange: Identity of Set-CASMailbox. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 320), regex(pattern = pattern::MAILBOX))]
    pub mailbox: Option<String>,
    /// The group: a rule for whoever is in it, also for those who join later; 1 to 256 characters, case does not matter;
    /// cannot change. No default; exactly one of mailbox and distributionGroup. Exchange: Identity of
    /// Get-DistributionGroupMember. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = pattern::GROUP_NAME))]
    pub distribution_group: Option<String>,
    /// Whether IMAP4 may be used. Default: unset, the next wider rule decides. Exchange: ImapEnabled. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imap_enabled: Option<bool>,
    /// Whether POP3 may be used. Default: unset, the next wider rule decides. Exchange: PopEnabled. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pop_enabled: Option<bool>,
}

/// Whether a CASMailbox is obeyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CASMailboxStatus {
    /// The generation that this status is about; -1 while there is none. hot
    #[serde(default = "unobserved")]
    #[schemars(range(min = -1))]
    pub observed_generation: i64,
    /// Accepted, ResolvedRefs, Programmed, Ready, Reconciling, Stalled and, where two objects speak of one target,
    /// Conflicted. hot
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

impl Default for CASMailboxStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            conditions: Vec::new(),
        }
    }
}
