//! What an outside client sees of a Service behind the load balancer: both nodes, and only those that say
//! that they are healthy.

use super::restricted_pod;
use crate::cluster::sandbox::Place;
use crate::cluster::tenant::{LIMIT, Tenant, at};
use crate::harness::{eventually, figure, measure, run};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// By the ports of so many connections, all on one node of two would be one in half a billion runs.
const CONNECTIONS: usize = 30;
/// Tells who answers and whom it sees, as long as it is ready.
const WHO: &str = r#"mkdir -p /tmp/www/cgi-bin && cd /tmp/www/cgi-bin &&
printf '#!/bin/sh\necho; echo %s $REMOTE_ADDR\n' "$NODE" >who && chmod 755 who && touch /tmp/ready &&
exec httpd -f -p 8080 -h /tmp/www"#;

/// A pod on each node behind one address.
struct Who {
    tenant: Tenant,
    address: SocketAddr,
}

impl Who {
    fn start() -> Self {
        let tenant = Tenant::new("who");
        let more = json!({
            "readinessProbe": {
                "exec": {"command": ["test", "-e", "/tmp/ready"]},
                "periodSeconds": 1,
                "failureThreshold": 1,
            },
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        });
        let mut spec = restricted_pod(WHO, &more);
        spec["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        let labels = json!({"app": "who"});
        let daemons = json!({
            "metadata": {"name": "who"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        });
        let service = json!({
            "metadata": {"name": "who"},
            "spec": {
                "type": "LoadBalancer",
                "externalTrafficPolicy": "Local",
                "selector": labels,
                "ports": [{"port": 80, "targetPort": 8080}],
            },
        });
        let name = &tenant.name;
        let sandbox = tenant.sandbox;
        let path = format!("/apis/apps/v1/namespaces/{name}/daemonsets");
        sandbox.request("POST", &path, Some(&daemons));
        let path = format!("/api/v1/namespaces/{name}/services");
        sandbox.request("POST", &path, Some(&service));
        let address = eventually("the Service has an address", LIMIT, || {
            let service = tenant.core("services", "who")?;
            let ingress = &service["status"]["loadBalancer"]["ingress"][0]["ip"];
            ingress.as_str()?.parse().ok()
        });
        Self {
            tenant,
            address: at(address, 80),
        }
    }

    /// The client's next hops to the address: one a node.
    fn hops(&self) -> Vec<&'static str> {
        let mut ip = self.tenant.sandbox.command(Place::Client, Path::new("ip"));
        let route = run(ip.args(["route", "show", &self.address.ip().to_string()]));
        [("10.91.1.1", "node1"), ("10.91.2.1", "node2")]
            .into_iter()
            .filter(|(hop, _)| route.contains(&format!("via {hop} ")))
            .map(|(_, node)| node)
            .collect()
    }

    /// Waits until the client's route leads to these nodes alone; gives how long that took.
    #[track_caller]
    fn wait_for(&self, nodes: &[&str]) -> Duration {
        let what = format!("the client's route leads to {nodes:?}");
        measure(&what, LIMIT, || (self.hops() == nodes).then_some(())).1
    }

    /// Asks so many times, on a connection each; how often each node answered.
    #[track_caller]
    fn ask(&self) -> BTreeMap<String, usize> {
        let mut answers = BTreeMap::new();
        for _ in 0..CONNECTIONS {
            let half = self.begin().unwrap();
            *answers.entry(half.finish().unwrap()).or_default() += 1;
        }
        answers
    }

    /// A connection with half a request.
    fn begin(&self) -> io::Result<Half> {
        self.tenant.sandbox.within(Place::Client, || {
            let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(b"GET /cgi-bin/who HTTP/1.0\r\n")?;
            Ok(Half(stream))
        })
    }

    /// Makes the pod on a node ready, or not.
    fn run_on(&self, node: &str, command: &[&str]) {
        let selector = "app=who";
        let field = format!("spec.nodeName={node}");
        let name = &self.tenant.name;
        let get = [
            "-n",
            name,
            "get",
            "pods",
            "-l",
            selector,
            "--field-selector",
            &field,
            "-o",
            "name",
        ];
        let pod = self.tenant.sandbox.kubectl(get);
        let mut arguments = vec!["-n", name, "exec", pod.trim(), "--"];
        arguments.extend(command);
        self.tenant.sandbox.kubectl(arguments);
    }
}

/// A connection that waits for the rest of its request.
struct Half(TcpStream);

impl Half {
    /// The node that answers. It has to have seen the client's own address.
    fn finish(mut self) -> io::Result<String> {
        self.0.write_all(b"\r\n")?;
        let mut answer = String::new();
        self.0.read_to_string(&mut answer)?;
        let last = answer.trim_end().lines().last().unwrap_or_default();
        // The server listens on IPv6, too.
        match last.split_once(' ') {
            Some((node, "[::ffff:10.91.0.2]")) => Ok(node.to_owned()),
            _ => Err(io::Error::other(format!("the answer was {answer:?}"))),
        }
    }
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn a_node_leaves_the_load_balancer_when_its_health_check_says_so_and_comes_back() {
    let who = Who::start();
    who.wait_for(&["node1", "node2"]);
    let both = who.ask();
    assert_eq!(
        both.keys().collect::<Vec<_>>(),
        ["node1", "node2"],
        "{both:?}"
    );
    figure("connections through the load balancer", format!("{both:?}"));
    for (leaving, staying) in [("node1", "node2"), ("node2", "node1")] {
        let halves: Vec<_> = (0..CONNECTIONS).map(|_| who.begin().unwrap()).collect();
        who.run_on(leaving, &["rm", "/tmp/ready"]);
        let took = who.wait_for(&[staying]);
        figure(
            "a node has left the load balancer after",
            format!("{took:.1?}"),
        );
        assert_eq!(
            who.ask(),
            BTreeMap::from([(staying.to_owned(), CONNECTIONS)])
        );
        // What had begun stays with its node, as behind any balancer that people buy.
        let mut finished = BTreeMap::<_, usize>::new();
        for half in halves {
            *finished.entry(half.finish().unwrap()).or_default() += 1;
        }
        assert_eq!(finished.len(), 2, "{finished:?}");

        who.run_on(leaving, &["touch", "/tmp/ready"]);
        who.wait_for(&["node1", "node2"]);
        let both = who.ask();
        assert_eq!(both.len(), 2, "{both:?}");
    }
}
