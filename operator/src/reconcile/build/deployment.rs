//! The pods: stateless, without token, privileges or container ports. Nothing here depends on a setting that
//! is hot, so that an edit of one never rolls them.

use super::labels::{labels, owned, selector};
use crate::reconcile::Identity;
use crate::reconcile::validate::Workload;
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapProjection, Container, HTTPGetAction, KeyToPath, LocalObjectReference,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ProjectedVolumeSource, SeccompProfile, SecretProjection, SecurityContext, Sysctl,
    TopologySpreadConstraint, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use mailaccess_config::DocumentName;
use mailaccess_config::document::Carrier;
use mailaccess_config::settings::ADMIN_PORT;

/// Where a pod finds its documents.
pub const DOCUMENTS_PATH: &str = "/etc/mailaccess/documents";
/// Where a pod finds the mail.
pub const VOLUME_PATH: &str = "/var/lib/mailaccess";
/// The volume of the documents in the pod template.
pub const DOCUMENTS_VOLUME: &str = "documents";
const MAIL_VOLUME: &str = "mail";
/// The kubelet stops updating the documents of a pod that is ending, so that must be short.
const GRACE_SECS: i64 = 60;
/// How long an ending pod goes on accepting, until no node routes to it any more.
const DRAIN_DELAY: &str = "5s";

/// The Deployment of a server.
pub fn build(server: &Identity, workload: &Workload) -> Deployment {
    Deployment {
        metadata: owned(server, server.name.clone()),
        spec: Some(DeploymentSpec {
            replicas: Some(workload.replicas),
            selector: selector(server),
            strategy: Some(never_fewer_pods()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(server)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(server, workload)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn never_fewer_pods() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::String("25%".to_owned())),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn pod(server: &Identity, workload: &Workload) -> PodSpec {
    let pull_secrets: Vec<LocalObjectReference> = workload
        .image
        .pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() })
        .collect();
    PodSpec {
        service_account_name: Some(server.name.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: (!pull_secrets.is_empty()).then_some(pull_secrets),
        security_context: Some(pod_security(workload)),
        termination_grace_period_seconds: Some(GRACE_SECS),
        topology_spread_constraints: Some(vec![spread_over_nodes(server)]),
        containers: vec![container(workload)],
        volumes: Some(vec![documents_volume(server), mail_volume(workload)]),
        ..PodSpec::default()
    }
}

/// The mail's owner, and never `fsGroup`: that would change the owner of every file of a large volume.
fn pod_security(workload: &Workload) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(workload.run_as_user),
        run_as_group: Some(workload.run_as_group),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        // A safe sysctl: ports below 1024 without a capability, and new ones without a new pod.
        sysctls: Some(vec![Sysctl {
            name: "net.ipv4.ip_unprivileged_port_start".to_owned(),
            value: "0".to_owned(),
        }]),
        ..PodSecurityContext::default()
    }
}

/// With the traffic policy Local a node without a pod drops what reaches it, so pods stand on different
/// nodes where they can; a rollout counts only its own pods.
fn spread_over_nodes(server: &Identity) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(selector(server)),
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        ..TopologySpreadConstraint::default()
    }
}

fn container(workload: &Workload) -> Container {
    Container {
        name: "mailaccess".to_owned(),
        image: Some(workload.image.reference.clone()),
        image_pull_policy: workload.image.pull_policy.clone(),
        args: Some(
            [
                "serve",
                "--documents",
                DOCUMENTS_PATH,
                "--volume",
                VOLUME_PATH,
                "--drain-delay",
                DRAIN_DELAY,
            ]
            .map(str::to_owned)
            .into(),
        ),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        liveness_probe: Some(probe("/livez", 10, 6)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![
            VolumeMount {
                name: DOCUMENTS_VOLUME.to_owned(),
                mount_path: DOCUMENTS_PATH.to_owned(),
                read_only: Some(true),
                ..VolumeMount::default()
            },
            VolumeMount {
                name: MAIL_VOLUME.to_owned(),
                mount_path: VOLUME_PATH.to_owned(),
                ..VolumeMount::default()
            },
        ]),
        ..Container::default()
    }
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(ADMIN_PORT.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        ..Probe::default()
    }
}

/// One projected volume over all documents. Every source is optional: a required one that is deleted would
/// freeze the whole volume.
fn documents_volume(server: &Identity) -> Volume {
    let sources = DocumentName::all()
        .map(|document| source(server, document))
        .collect();
    Volume {
        name: DOCUMENTS_VOLUME.to_owned(),
        projected: Some(ProjectedVolumeSource {
            // Readable for the mail's owner, who is not the owner of these files; nobody else is in the pod.
            default_mode: Some(0o444),
            sources: Some(sources),
        }),
        ..Volume::default()
    }
}

fn source(server: &Identity, document: DocumentName) -> VolumeProjection {
    let name = document.object_name(&server.name);
    let items = Some(vec![KeyToPath {
        key: document.file_name(),
        path: document.file_name(),
        mode: None,
    }]);
    match document.carrier() {
        Carrier::ConfigMap => VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name,
                items,
                optional: Some(true),
            }),
            ..VolumeProjection::default()
        },
        Carrier::Secret => VolumeProjection {
            secret: Some(SecretProjection {
                name,
                items,
                optional: Some(true),
            }),
            ..VolumeProjection::default()
        },
    }
}

fn mail_volume(workload: &Workload) -> Volume {
    Volume {
        name: MAIL_VOLUME.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: workload.claim.clone(),
            read_only: None,
        }),
        ..Volume::default()
    }
}
