//! The account that pods run under. It has no token: a pod asks the API server nothing.

use super::labels::owned;
use crate::reconcile::Identity;
use k8s_openapi::api::core::v1::ServiceAccount;

/// The `ServiceAccount` of a server's pods.
pub fn build(server: &Identity) -> ServiceAccount {
    ServiceAccount {
        metadata: owned(server, server.name.clone()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
