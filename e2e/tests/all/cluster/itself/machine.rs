//! What a cluster could leave behind on the machine: seen from outside, compared with what was there before.

use crate::cluster::sandbox::{Place, Sandbox};
use crate::harness::run;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a kubelet would set for the whole machine.
const SYSCTLS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];
/// Where parts of a cluster would like to have folders of their own.
const FOLDERS: [&str; 10] = [
    "/var/lib",
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log",
    "/etc",
    "/opt",
    "/usr/libexec",
    "/usr/libexec/kubernetes",
    "/run/netns",
    "/run/containerd",
];
/// What the machine's network says of itself.
const NETWORK: [&[&str]; 6] = [
    &["ip", "-o", "link"],
    &["ip", "-o", "address"],
    &["ip", "route", "show", "table", "all"],
    &["ip", "rule"],
    &["iptables-save"],
    &["ip6tables-save"],
];

/// What there is, in lines.
pub(super) struct Machine(BTreeSet<String>);

impl Machine {
    /// As it is now.
    pub(super) fn look() -> Self {
        let mut lines = BTreeSet::new();
        for command in NETWORK {
            let said = run(Command::new(command[0])
                .args(&command[1..])
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"));
            let said = said.lines().filter(|line| !line.starts_with('#'));
            // Chains have counters, addresses a rest of their life.
            lines.extend(said.map(|line| {
                let line = line.split(" [").next().unwrap_or_default();
                let line = line.split(" valid_lft").next().unwrap_or_default();
                format!("{}: {line}", command.join(" "))
            }));
        }
        for name in SYSCTLS {
            let value = fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default();
            lines.insert(format!("sysctl {name}: {}", value.trim()));
        }
        for folder in FOLDERS {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            lines.extend(entries.map(|entry| entry.path().display().to_string()));
        }
        // All but the number of the mount and of its parent.
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts = mounts.lines().filter_map(|line| line.splitn(3, ' ').nth(2));
        lines.extend(mounts.map(|mount| format!("mount {mount}")));
        Self(lines)
    }

    /// What there is now and was not before.
    pub(super) fn beyond(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

/// Processes whose command line names a folder.
pub(super) fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    processes()
        .into_keys()
        .filter_map(|id| fs::read(format!("/proc/{id}/cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(folder))
        .collect()
}

/// A process that lives: its parent, when it began, and its name.
struct Living {
    parent: u32,
    began: u64,
    name: String,
}

/// All processes but those that wait to be buried.
fn processes() -> BTreeMap<u32, Living> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (head, tail) = stat.rsplit_once(')')?;
            let fields: Vec<_> = tail.split_whitespace().collect();
            (!["Z", "X"].contains(fields.first()?)).then_some(())?;
            let living = Living {
                parent: fields.get(1)?.parse().ok()?,
                began: fields.get(19)?.parse().ok()?,
                name: head.split_once('(')?.1.to_owned(),
            };
            Some((id, living))
        })
        .collect()
}

/// The processes of a cluster. Orphans in it are children of its first process, so that it is one tree.
#[derive(Debug)]
pub(super) struct Tree(BTreeMap<u32, (u64, String)>);

impl Tree {
    /// From the script that started the cluster, whose grandchild is its first process.
    pub(super) fn around(init: u32) -> Self {
        let all = processes();
        let root = all[&all[&init].parent].parent;
        let mut members = BTreeSet::from([root]);
        loop {
            let more: Vec<_> = all
                .iter()
                .filter(|(id, it)| members.contains(&it.parent) && !members.contains(id))
                .map(|(id, _)| *id)
                .collect();
            if more.is_empty() {
                break;
            }
            members.extend(more);
        }
        let tree = members.into_iter().map(|id| {
            let it = &all[&id];
            (id, (it.began, it.name.clone()))
        });
        Self(tree.collect())
    }

    /// Whether one of them is a program of this name.
    pub(super) fn has(&self, program: &str) -> bool {
        self.0.values().any(|(_, name)| name == program)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that still live. An id may have been given to another process since.
    pub(super) fn left(&self) -> Vec<String> {
        let all = processes();
        self.0
            .iter()
            .filter(|(id, (began, _))| all.get(id).is_some_and(|it| it.began == *began))
            .map(|(id, (_, name))| format!("process {id} {name}"))
            .collect()
    }
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn a_look_at_the_machine_finds_what_a_cluster_would_leave() {
    let outside = Machine::look();
    let inside = Sandbox::get().within(Place::Node1, Machine::look);
    let more = inside.beyond(&outside).join("\n");
    for part in [
        "ip -o link: ",
        "pods: <",
        "to-node2",
        "10.88.0.1/16",
        "10.89.0.0/16 via 10.90.0.2",
        "iptables-save: :KUBE-SERVICES",
        "iptables-save: -A KUBE-",
    ] {
        assert!(more.contains(part), "no {part:?} in\n{more}");
    }
    let tree = Tree::around(Sandbox::get().init());
    assert!(tree.has("kubelet") && tree.has("containerd"), "{tree:?}");
    assert!(!tree.left().is_empty());
}
