//! Writes the objects of a server. One of the four places that write to the API server.

use super::difference::Write;
use super::kind::Kind;
use super::metrics::Metrics;
use super::store::Store;
use crate::reconcile::Object;
use crate::reconcile::build::labels::MANAGER;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A write that has no answer by then is given up and done again.
const ANSWER: Duration = Duration::from_secs(30);

/// Why an object was not written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// What was read is not what is there; it has been read again, so start over.
    #[error("{kind} {name} was changed by somebody else meanwhile")]
    Conflict {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The API server refused or did not understand.
    #[error("write {kind} {name}: {source}")]
    Refused {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// No answer.
    #[error("write {kind} {name}: no answer in {} s", ANSWER.as_secs())]
    Timeout {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl ApplyError {
    /// Whether the same answer is to be expected again.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { source, .. } => matches!(&**source, kube::Error::Api(status)
                if (400..500).contains(&status.code) && ![408, 409, 429].contains(&status.code)),
            Self::Conflict { .. } | Self::Timeout { .. } => false,
        }
    }
}

/// Writes objects of one namespace and puts what came of it into the cache.
#[derive(Clone)]
pub struct Apply {
    /// How to ask.
    pub client: Client,
    /// Where.
    pub namespace: String,
    /// Where the result goes.
    pub store: Arc<Store>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Apply {
    /// Writes one object.
    pub async fn write(&self, object: &Object, write: Write) -> Result<(), ApplyError> {
        let (kind_name, name) = object.key();
        let Some(kind) = Kind::named(kind_name) else {
            return Ok(());
        };
        let target = Target {
            apply: self,
            kind,
            name,
            api: Api::namespaced_with(self.client.clone(), &self.namespace, &kind.api_resource()),
        };
        match write {
            Write::Create(value) => target.create(value).await?,
            Write::Replace(value) => target.replace(value).await?,
            Write::Apply(value) => target.apply(value).await?,
        }
        tracing::info!(
            namespace = self.namespace,
            kind = kind_name,
            name,
            "written"
        );
        Ok(())
    }
}

struct Target<'a> {
    apply: &'a Apply,
    kind: Kind,
    name: &'a str,
    api: Api<DynamicObject>,
}

impl Target<'_> {
    async fn create(&self, value: Value) -> Result<(), ApplyError> {
        let object = self.typed(value)?;
        let params = post();
        let written = self.within(self.api.create(&params, &object)).await?;
        self.apply.metrics.published();
        self.take(written);
        Ok(())
    }

    /// Over the version that was read, and never over another one.
    async fn replace(&self, value: Value) -> Result<(), ApplyError> {
        let object = self.typed(value)?;
        let params = post();
        let written = self
            .within(self.api.replace(self.name, &params, &object))
            .await?;
        self.apply.metrics.published();
        self.take(written);
        Ok(())
    }

    async fn apply(&self, value: Value) -> Result<(), ApplyError> {
        // An object without uid is new: what is not in the cache may be a stranger's all the same.
        if value.pointer("/metadata/uid").is_none()
            && let Some(there) = self.within(self.api.get_opt(self.name)).await?
        {
            self.take(there);
            return Err(self.conflict());
        }
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&value);
        let written = self
            .within(self.api.patch(self.name, &params, &patch))
            .await?;
        self.take(written);
        Ok(())
    }

    fn typed(&self, value: Value) -> Result<DynamicObject, ApplyError> {
        serde_json::from_value(value).map_err(|error| self.refused(kube::Error::SerdeError(error)))
    }

    /// The answer, or what the refusal means. What collided is read again.
    async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApplyError> {
        let error = match timeout(ANSWER, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => {
                return Err(ApplyError::Timeout {
                    kind: self.kind.as_str(),
                    name: self.name.to_owned(),
                });
            }
        };
        let is_collision = matches!(&error, kube::Error::Api(status)
            if status.is_conflict() || status.is_already_exists() || status.is_not_found());
        if !is_collision {
            return Err(self.refused(error));
        }
        match timeout(ANSWER, self.api.get_opt(self.name)).await {
            Ok(Ok(Some(there))) => self.take(there),
            Ok(Ok(None)) => self.forget(),
            Ok(Err(error)) => return Err(self.refused(error)),
            Err(_) => {}
        }
        Err(self.conflict())
    }

    fn take(&self, written: DynamicObject) {
        let Apply {
            store, namespace, ..
        } = self.apply;
        store.take(namespace, self.kind, written);
    }

    fn forget(&self) {
        let namespace = &self.apply.namespace;
        let uid = self.apply.store.read(namespace, |cache| {
            cache.get(self.kind, self.name).map(|row| row.uid.clone())
        });
        if let Some(Some(uid)) = uid {
            self.apply
                .store
                .remove(namespace, self.kind, self.name, &uid);
        }
    }

    fn conflict(&self) -> ApplyError {
        ApplyError::Conflict {
            kind: self.kind.as_str(),
            name: self.name.to_owned(),
        }
    }

    fn refused(&self, source: kube::Error) -> ApplyError {
        ApplyError::Refused {
            kind: self.kind.as_str(),
            name: self.name.to_owned(),
            source: Box::new(source),
        }
    }
}

fn post() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}
