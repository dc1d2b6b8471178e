//! What a kubelet would put into the pods' projected volume: decided by the Deployment alone, so that what
//! runs here is what the pod template says.

use crate::reconcile::Object;
use crate::reconcile::build::deployment::DOCUMENTS_VOLUME;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{KeyToPath, VolumeProjection};
use std::collections::BTreeMap;

/// The files of the documents' volume, by name.
pub fn project(deployment: &Deployment, objects: &[&Object]) -> BTreeMap<String, Vec<u8>> {
    let by_key: BTreeMap<_, _> = objects
        .iter()
        .map(|object| (object.key(), *object))
        .collect();
    sources(deployment)
        .iter()
        .filter_map(|source| {
            let (kind, name, items) = describe(source)?;
            let object = by_key.get(&(kind, name))?;
            Some(items.iter().filter_map(|item| {
                let bytes = bytes(object, &item.key)?;
                Some((item.path.clone(), bytes))
            }))
        })
        .flatten()
        .collect()
}

fn sources(deployment: &Deployment) -> &[VolumeProjection] {
    deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
        .and_then(|pod| pod.volumes.as_ref())
        .and_then(|volumes| {
            volumes
                .iter()
                .find(|volume| volume.name == DOCUMENTS_VOLUME)
        })
        .and_then(|volume| volume.projected.as_ref())
        .and_then(|projected| projected.sources.as_deref())
        .unwrap_or_default()
}

fn describe(source: &VolumeProjection) -> Option<(&'static str, &str, &[KeyToPath])> {
    if let Some(config_map) = &source.config_map {
        let items = config_map.items.as_deref()?;
        return Some(("ConfigMap", &config_map.name, items));
    }
    let secret = source.secret.as_ref()?;
    Some(("Secret", &secret.name, secret.items.as_deref()?))
}

fn bytes(object: &Object, key: &str) -> Option<Vec<u8>> {
    match object {
        Object::ConfigMap(config_map) => {
            let text = config_map.data.as_ref().and_then(|data| data.get(key));
            text.map(|text| text.clone().into_bytes())
                .or_else(|| Some(config_map.binary_data.as_ref()?.get(key)?.0.clone()))
        }
        Object::Secret(secret) => Some(secret.data.as_ref()?.get(key)?.0.clone()),
        _ => None,
    }
}
