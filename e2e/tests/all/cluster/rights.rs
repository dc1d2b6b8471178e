//! What the operator and the pods must not do is refused by the API server, asked in their names.

use super::operator::Operator;
use super::tenant::{LIMIT, Tenant};
use crate::harness::{checkout, eventually, run};
use serde_json::{Value, json};

/// A request: the verb of HTTP, the path below a namespace or from the root, and what may be sent.
struct Try {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

fn get(path: String) -> Try {
    Try {
        method: "GET",
        path,
        body: None,
    }
}

fn send(method: &'static str, path: String, body: Value) -> Try {
    Try {
        method,
        path,
        body: Some(body),
    }
}

/// What is the operator's work in one namespace it may do nowhere else, and some things nowhere.
fn forbidden_to_the_operator(own: &str, other: &str) -> Vec<Try> {
    let core = |namespace: &str, rest: &str| format!("/api/v1/namespaces/{namespace}/{rest}");
    let ours = |rest: &str| format!("/apis/mailaccess.dev/v1alpha1/namespaces/{own}/{rest}");
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{own}");
    let map = json!({"metadata": {"name": "forbidden"}});
    let spec = json!({"spec": {"replicas": 2}});
    let pod = json!({"metadata": {"name": "forbidden"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let mut tries = vec![
        // Other namespaces, and all at once.
        get("/api/v1/secrets".to_owned()),
        get("/api/v1/configmaps".to_owned()),
        get("/api/v1/pods".to_owned()),
        get("/api/v1/nodes".to_owned()),
        get("/api/v1/namespaces".to_owned()),
        get("/apis/mailaccess.dev/v1alpha1/mailaccessservers".to_owned()),
        get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned()),
        get(core(other, "secrets")),
        get(core(other, "secrets/users")),
        get(core(other, "pods")),
        get(core("kube-system", "secrets")),
        send("POST", core(other, "configmaps"), map.clone()),
        // What it never asks for.
        get(core(own, "pods/mail-1")),
        get(ours("mailaccessservers/mail")),
        // What people wrote stays as they wrote it.
        send("PATCH", ours("mailaccessservers/mail"), spec.clone()),
        send(
            "PATCH",
            ours("casmailboxes/ann"),
            json!({"spec": {"imapEnabled": true}}),
        ),
        send("DELETE", ours("mailaccessservers/mail"), json!({})),
        // Nothing is deleted: what is owned goes with its owner.
        send(
            "DELETE",
            core(own, "configmaps/mail-settings-v1"),
            json!({}),
        ),
        send("DELETE", core(own, "secrets/users"), json!({})),
        send("DELETE", core(own, "pods/mail-1"), json!({})),
        // No way into pods, and no pods of its own.
        send("POST", core(own, "pods"), pod),
        get(core(own, "pods/mail-1/log")),
        send("POST", core(own, "pods/mail-1/eviction"), json!({})),
        // No rights that it has not got already.
        send("POST", format!("{rbac}/roles"), map.clone()),
        send("POST", format!("{rbac}/rolebindings"), map.clone()),
        send(
            "POST",
            core(own, "serviceaccounts/mail/token"),
            json!({"spec": {}}),
        ),
        get(format!(
            "/apis/coordination.k8s.io/v1/namespaces/{own}/leases"
        )),
        send(
            "PATCH",
            format!("/apis/apps/v1/namespaces/{own}/deployments/mail/scale"),
            spec,
        ),
    ];
    for inside in ["exec", "attach", "portforward", "proxy"] {
        tries.push(get(core(own, &format!("pods/mail-1/{inside}"))));
    }
    tries
}

/// Everything: a pod has no business with the API server.
fn forbidden_to_pods(own: &str) -> Vec<Try> {
    let core = |rest: &str| format!("/api/v1/namespaces/{own}/{rest}");
    vec![
        get(core("configmaps/mail-settings-v1")),
        get(core("secrets/users")),
        get(core("secrets")),
        get(core("pods")),
        get(format!(
            "/apis/mailaccess.dev/v1alpha1/namespaces/{own}/mailaccessservers"
        )),
        send(
            "PATCH",
            core("configmaps/mail-settings-v1"),
            json!({"data": {}}),
        ),
        send(
            "POST",
            core("configmaps"),
            json!({"metadata": {"name": "forbidden"}}),
        ),
    ]
}

#[track_caller]
fn all_are_refused(tenant: &Tenant, account: &str, tries: Vec<Try>) {
    let user = format!("system:serviceaccount:{}:{account}", tenant.name);
    for Try { method, path, body } in tries {
        let answer = tenant
            .sandbox
            .try_request_as(&user, method, &path, body.as_ref());
        match answer {
            // Not because something is missing, wrong or in the way: for want of a right.
            Err(refused) => assert!(
                refused.code == 403 && refused.text.contains("cannot"),
                "{account}: {method} {path}: {refused}"
            ),
            Ok(_) => panic!("{account} may {method} {path}"),
        }
    }
}

/// The chart's account and its rights, without the operator's pod.
pub(super) fn install_rights(tenant: &Tenant) {
    let mut helm = tenant.sandbox.tool("helm");
    helm.args([
        "template",
        "mailaccess",
        "charts/mailaccess",
        "-n",
        &tenant.name,
    ]);
    helm.args([
        "-s",
        "templates/rbac.yaml",
        "-s",
        "templates/serviceaccount.yaml",
    ]);
    let yaml = run(helm.current_dir(checkout()));
    tenant.apply(&yaml);
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn what_the_operator_and_the_pods_must_not_do_is_refused() {
    let tenant = Tenant::new("rights");
    let other = Tenant::new("rights-of-others");
    install_rights(&tenant);
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    let user = format!("system:serviceaccount:{}:mailaccess-operator", tenant.name);
    // The account is the one that has rights, or refusals would say nothing.
    let path = format!("/api/v1/namespaces/{}/secrets/users", tenant.name);
    eventually("the operator's rights are there", LIMIT, || {
        let answer = tenant.sandbox.try_request_as(&user, "GET", &path, None);
        answer.ok()
    });
    let tries = forbidden_to_the_operator(&tenant.name, &other.name);
    all_are_refused(&tenant, "mailaccess-operator", tries);
    all_are_refused(&tenant, "mail", forbidden_to_pods(&tenant.name));
    for pod in tenant.pod_objects() {
        assert_eq!(pod["spec"]["serviceAccountName"], "mail");
        assert!(
            !pod["spec"]["volumes"]
                .to_string()
                .contains("serviceAccountToken"),
            "a pod has a token: {pod}"
        );
    }
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn one_operator_serves_the_namespaces_that_it_is_given_and_no_other() {
    let (one, another, third) = (
        Tenant::new("one"),
        Tenant::new("another"),
        Tenant::new("third"),
    );
    for tenant in [&one, &another, &third] {
        tenant.apply_without_pods();
    }
    let admin = one.sandbox.folder().join("admin.kubeconfig");
    let operator = Operator::start_with(&one, &admin, &["--namespace", &another.name]);
    for tenant in [&one, &another] {
        tenant.wait_for("mailaccessservers", "mail", "Accepted", "True");
        tenant.wait_for("casmailboxes", "ann", "Accepted", "True");
    }
    operator.wait_for_rest();
    assert!(third.sandbox.audited_writes(&third.name).is_empty());
    operator.stop();
}
