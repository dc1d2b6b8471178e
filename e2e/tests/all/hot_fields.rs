//! Every field of a MailAccessServer whose documentation ends in "hot" is obeyed by the process that
//! serves: a row a field, and a field without a row fails.

use crate::harness::{
    Imap, Local, Pop3, Security, Service, Wire, binary, checkout, eventually, now, run,
};
use serde::Deserialize as _;
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is promised is two seconds; a busy machine may take longer.
const LIMIT: Duration = Duration::from_secs(15);
const SERVER: &str = "mailaccessserver.yaml";

/// A field, an edit of it, and what clients see before and behind the edit. The edit is taken back then,
/// and they see the first again.
struct Row {
    field: &'static str,
    edit: Edit,
    look: fn(&Local) -> String,
    before: &'static str,
    after: &'static str,
}

/// An edit of the MailAccessServer.
enum Edit {
    /// A field is added to the settings of IMAP.
    Imap(&'static str),
    /// A field is added to the settings of POP3.
    Pop(&'static str),
    /// A text is replaced by another.
    Replace(&'static str, &'static str),
}

impl Edit {
    fn make(&self, local: &Local) {
        let enabled = |part: &str| format!("  {part}:\n    enabled: true");
        match self {
            Self::Imap(line) => add(local, &enabled("imap"), line),
            Self::Pop(line) => add(local, &enabled("pop"), line),
            Self::Replace(from, to) => local.edit(SERVER, from, to),
        }
    }
}

fn add(local: &Local, to: &str, line: &str) {
    local.edit(SERVER, to, &format!("{to}\n    {line}"));
}

const ROWS: [Row; 18] = [
    Row {
        field: "imap.enabled",
        edit: Edit::Replace("imap:\n    enabled: true", "imap:\n    enabled: false"),
        look: |local| open(local, [143, 993]),
        before: "143 open, 993 open",
        after: "143 closed, 993 closed",
    },
    Row {
        field: "pop.enabled",
        edit: Edit::Replace("pop:\n    enabled: true", "pop:\n    enabled: false"),
        look: |local| open(local, [110, 995]),
        before: "110 open, 995 open",
        after: "110 closed, 995 closed",
    },
    Row {
        field: "imap.banner",
        edit: Edit::Imap("banner: Good evening"),
        look: |local| greeting(local, Service::Imap),
        before: "* OK IMAP4 service ready",
        after: "* OK Good evening",
    },
    Row {
        field: "pop.banner",
        edit: Edit::Pop("banner: Good evening"),
        look: |local| greeting(local, Service::Pop3),
        before: "+OK POP3 service ready",
        after: "+OK Good evening",
    },
    Row {
        field: "imap.loginType",
        edit: Edit::Imap("loginType: PlainTextLogin"),
        look: |local| by_imap(local, Security::Plain, "ann@example.com"),
        before: "refused",
        after: "let in",
    },
    Row {
        field: "pop.loginType",
        edit: Edit::Pop("loginType: PlainTextLogin"),
        look: |local| by_pop3(local, Security::Plain, "paulr@robichaux.example"),
        before: "refused",
        after: "let in",
    },
    Row {
        field: "imap.unencryptedOrTLSBindings[].port",
        edit: Edit::Imap("unencryptedOrTLSBindings: [{port: 145}]"),
        look: |local| open(local, [143, 145]),
        before: "143 open, 145 closed",
        after: "143 closed, 145 open",
    },
    Row {
        field: "pop.unencryptedOrTLSBindings[].port",
        edit: Edit::Pop("unencryptedOrTLSBindings: [{port: 146}]"),
        look: |local| open(local, [110, 146]),
        before: "110 open, 146 closed",
        after: "110 closed, 146 open",
    },
    Row {
        field: "imap.sslBindings[].port",
        edit: Edit::Imap("sslBindings: [{port: 996}]"),
        look: |local| open(local, [993, 996]),
        before: "993 open, 996 closed",
        after: "993 closed, 996 open",
    },
    Row {
        field: "pop.sslBindings[].port",
        edit: Edit::Pop("sslBindings: [{port: 997}]"),
        look: |local| open(local, [995, 997]),
        before: "995 open, 997 closed",
        after: "995 closed, 997 open",
    },
    Row {
        field: "imap.maxConnections",
        edit: Edit::Imap("maxConnections: 2"),
        look: |local| three(local, Service::Imap),
        before: "* OK, * OK, * OK",
        after: "* OK, * OK, * BYE",
    },
    Row {
        field: "pop.maxConnections",
        edit: Edit::Pop("maxConnections: 2"),
        look: |local| three(local, Service::Pop3),
        before: "+OK, +OK, +OK",
        after: "+OK, +OK, -ERR",
    },
    Row {
        field: "mailboxDefaults.imapEnabled",
        edit: Edit::Replace("imapEnabled: false", "imapEnabled: true"),
        look: |local| by_imap(local, Security::Tls, "carol@example.com"),
        before: "refused",
        after: "let in",
    },
    Row {
        field: "mailboxDefaults.popEnabled",
        edit: Edit::Replace("popEnabled: false", "popEnabled: true"),
        look: |local| by_pop3(local, Security::Tls, "carol@example.com"),
        before: "refused",
        after: "let in",
    },
    Row {
        field: "domains[].name",
        edit: Edit::Replace("name: robichaux.example", "name: robichaux.test"),
        look: |local| by_pop3(local, Security::Tls, "paulr@robichaux.example"),
        before: "let in",
        after: "refused",
    },
    Row {
        field: "domains[].netbiosName",
        edit: Edit::Replace("netbiosName: EXAMPLE", "netbiosName: ELSEWHERE"),
        look: |local| {
            ["EXAMPLE\\ann", "ELSEWHERE\\ann"]
                .map(|name| by_imap(local, Security::Tls, name))
                .join(", ")
        },
        before: "let in, refused",
        after: "refused, let in",
    },
    Row {
        field: "defaultDomain",
        edit: Edit::Replace(
            "defaultDomain: example.com",
            "defaultDomain: robichaux.example",
        ),
        look: |local| {
            ["ann", "paulr"]
                .map(|name| by_imap(local, Security::Tls, name))
                .join(", ")
        },
        before: "let in, refused",
        after: "refused, let in",
    },
    Row {
        field: "authentication.sources[].users.secretRefs[].name",
        edit: Edit::Replace("- name: users", "- name: others"),
        look: |local| {
            ["ann@example.com", "bob@example.com"]
                .map(|name| by_imap(local, Security::Tls, name))
                .join(", ")
        },
        before: "let in, let in",
        after: "refused, let in",
    },
];

/// Fields that clients see nothing of, or only after a long silence: where each is shown, by which test.
const ELSEWHERE: [(&str, &str, &str); 12] = [
    (
        "imap.preAuthenticatedConnectionTimeout",
        SILENCE.0,
        SILENCE.1,
    ),
    ("imap.authenticatedConnectionTimeout", SILENCE.0, SILENCE.1),
    (
        "pop.preAuthenticatedConnectionTimeout",
        SILENCE.0,
        SILENCE.1,
    ),
    ("pop.authenticatedConnectionTimeout", SILENCE.0, SILENCE.1),
    (
        "authentication.sources[].name",
        HERE,
        "a_source_is_renamed_and_nobody_notices",
    ),
    ("replicas", OBJECTS.0, OBJECTS.1),
    ("service.type", OBJECTS.0, OBJECTS.1),
    ("service.annotations", OBJECTS.0, OBJECTS.1),
    ("service.loadBalancerClass", OBJECTS.0, OBJECTS.1),
    ("service.ipFamilyPolicy", OBJECTS.0, OBJECTS.1),
    ("service.ipFamilies", OBJECTS.0, OBJECTS.1),
    ("service.externalTrafficPolicy", OBJECTS.0, OBJECTS.1),
];
const HERE: &str = "e2e/tests/all/hot_fields.rs";
const SILENCE: (&str, &str) = (
    HERE,
    "who_is_silent_already_is_ended_by_the_time_that_an_edit_sets",
);
const OBJECTS: (&str, &str) = (HERE, "what_only_objects_show_is_rendered");

/// Which of two bindings answer.
fn open(local: &Local, bindings: [u16; 2]) -> String {
    bindings
        .map(|binding| {
            let port = local.ports().at(binding);
            let found = Wire::connect(port, Security::Plain).map_or("closed", |_| "open");
            format!("{binding} {found}")
        })
        .join(", ")
}

fn greeting(local: &Local, service: Service) -> String {
    let wire = Wire::connect(local.ports().of(service), Security::Plain);
    wire.and_then(|mut wire| wire.line()).map_or_else(
        |error| error.to_string(),
        |line| String::from_utf8_lossy(&line).into_owned(),
    )
}

/// The first words that three connections hear that are open at the same time.
fn three(local: &Local, service: Service) -> String {
    let mut held = Vec::new();
    let heard = [(); 3].map(|()| {
        let Ok(mut wire) = Wire::connect(local.ports().of(service), Security::Plain) else {
            return "nothing".to_owned();
        };
        let line = wire.line().unwrap_or_default();
        held.push(wire);
        let line = String::from_utf8_lossy(&line).into_owned();
        let words = if line.starts_with('*') { 2 } else { 1 };
        line.split(' ').take(words).collect::<Vec<_>>().join(" ")
    });
    heard.join(", ")
}

fn in_or_out(is_in: bool) -> String {
    if is_in { "let in" } else { "refused" }.to_owned()
}

fn by_imap(local: &Local, security: Security, name: &str) -> String {
    let service = match security {
        Security::Plain => Service::Imap,
        Security::Tls => Service::Imaps,
    };
    Imap::connect(local.ports().of(service), security)
        .and_then(|mut imap| imap.try_log_on(name, "quickstart"))
        .map_or_else(|error| error.to_string(), |reply| in_or_out(reply.is_ok()))
}

fn by_pop3(local: &Local, security: Security, name: &str) -> String {
    let service = match security {
        Security::Plain => Service::Pop3,
        Security::Tls => Service::Pop3s,
    };
    Pop3::connect(local.ports().of(service), security).map_or_else(
        |error| error.to_string(),
        |mut pop3| in_or_out(pop3.log_on(name, "quickstart").is_ok()),
    )
}

/// The example of access, and a second Secret, which knows Bob alone.
fn start() -> Local {
    Local::start_with("access", "warn", |files| {
        let users = fs::read_to_string(files.join("users.yaml")).unwrap();
        let others = users
            .lines()
            .filter(|line| {
                !line.starts_with("    ")
                    || line.contains("bob@example.com:")
                    || line.contains("Engineers:")
            })
            .map(|line| line.replace("name: users", "name: others"));
        let others = others.collect::<Vec<_>>().join("\n");
        fs::write(files.join("others.yaml"), others).unwrap();
    })
}

#[track_caller]
fn sees(local: &Local, row: &Row, expected: &str) {
    let mut seen = String::new();
    let begin = now();
    while seen != expected {
        assert!(
            begin.elapsed() < LIMIT,
            "{}\n  expected: {expected}\n  seen: {seen}",
            row.field
        );
        seen = (row.look)(local);
    }
}

#[test]
fn every_hot_field_is_obeyed_by_the_process_that_serves() {
    let local = start();
    let pod = local.pod();
    let well = fs::read_to_string(local.file(SERVER)).unwrap();
    for row in &ROWS {
        assert_ne!(row.before, row.after, "{}", row.field);
        sees(&local, row, row.before);
        row.edit.make(&local);
        sees(&local, row, row.after);
        fs::write(local.file(SERVER), &well).unwrap();
        sees(&local, row, row.before);
    }
    assert_eq!(local.pod(), pod, "another process serves");
}

/// The fields below this schema that are hot and have no fields themselves, by their paths.
fn hot(schema: &Value, path: &str, into: &mut BTreeSet<String>) {
    let description = schema["description"].as_str().unwrap_or_default();
    if description.ends_with("rolls the pods") {
        return;
    }
    let (inner, path) = match &schema["items"] {
        Value::Null => (schema, path.to_owned()),
        items => (items, format!("{path}[]")),
    };
    match inner["properties"].as_mapping() {
        Some(fields) => {
            for (name, field) in fields {
                let name = name.as_str().unwrap();
                let path = if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}.{name}")
                };
                hot(field, &path, into);
            }
        }
        None if description.ends_with(" hot") => {
            into.insert(path.trim_end_matches("[]").to_owned());
        }
        None => {}
    }
}

#[test]
fn every_hot_field_has_a_row() {
    let text = fs::read_to_string(checkout().join("crds/mailaccessservers.yaml")).unwrap();
    let definition: Value = serde_yaml::from_str(&text).unwrap();
    let spec =
        &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut fields = BTreeSet::new();
    hot(spec, "", &mut fields);
    let mut shown = BTreeMap::new();
    let rows = ROWS.iter().map(|row| row.field);
    for field in rows.chain(ELSEWHERE.iter().map(|(field, ..)| *field)) {
        *shown.entry(field.to_owned()).or_insert(0) += 1;
    }
    for (field, file, test) in ELSEWHERE {
        let text = fs::read_to_string(checkout().join(file)).unwrap();
        let begin = format!("#[test]\nfn {test}() {{");
        assert!(text.contains(&begin), "{field}: {file} has no test {test}");
    }
    assert!(shown.values().all(|count| *count == 1), "{shown:?}");
    assert_eq!(shown.into_keys().collect::<BTreeSet<_>>(), fields);
}

/// What a silent connection hears at its end, and how long it was open.
fn silence(begin: Instant, mut wire: Wire) -> JoinHandle<(String, Duration)> {
    thread::spawn(move || {
        wire.set_patience(3 * LIMIT);
        let rest = wire.rest();
        (String::from_utf8_lossy(&rest).into_owned(), begin.elapsed())
    })
}

#[test]
fn who_is_silent_already_is_ended_by_the_time_that_an_edit_sets() {
    let local = start();
    let begin = now();
    let guest = |service| {
        let mut wire = Wire::connect(local.ports().of(service), Security::Plain).unwrap();
        wire.line().unwrap();
        silence(begin, wire)
    };
    let guests = [guest(Service::Imap), guest(Service::Pop3)];
    let people = [
        silence(
            begin,
            local.imap("ann@example.com", "quickstart").into_wire(),
        ),
        silence(
            begin,
            local
                .pop3("paulr@robichaux.example", "quickstart")
                .into_wire(),
        ),
    ];
    // The least that is allowed; a minute and half an hour are what holds when nothing is said.
    let times = "preAuthenticatedConnectionTimeout: 10s\n    authenticatedConnectionTimeout: 30s";
    for edit in [Edit::Imap(times), Edit::Pop(times)] {
        edit.make(&local);
    }
    for (sessions, secs) in [(guests, 10), (people, 30)] {
        let least = Duration::from_secs(secs);
        for (session, bye) in sessions.into_iter().zip(["* BYE ", "-ERR "]) {
            let (heard, after) = session.join().unwrap();
            assert!(heard.starts_with(bye), "{heard}");
            assert!(after >= least, "{after:?} of {least:?}");
            assert!(after < least + LIMIT, "{after:?} of {least:?}");
        }
    }
}

#[test]
fn a_source_is_renamed_and_nobody_notices() {
    let local = start();
    let pod = local.pod();
    let mut ann = local.imap("ann@example.com", "quickstart");
    // The banner says when the edit is obeyed.
    let text = fs::read_to_string(local.file(SERVER)).unwrap();
    assert!(text.contains("- name: local\n"));
    let text = text
        .replace("- name: local\n", "- name: elsewhere\n")
        .replace(
            "  imap:\n    enabled: true",
            "  imap:\n    enabled: true\n    banner: Renamed",
        );
    fs::write(local.file(SERVER), text).unwrap();
    eventually("the edit is obeyed", LIMIT, || {
        (greeting(&local, Service::Imap) == "* OK Renamed").then_some(())
    });
    ann.ok("NOOP");
    let again = by_imap(&local, Security::Tls, "ann@example.com");
    assert_eq!(again, "let in");
    assert!(local.figure("mailaccess_sessions_revoked_total") < 0.5);
    assert_eq!(local.pod(), pod, "another process serves");
}

/// A field, an edit of it, and where the objects show it: their kind, the place, the value.
type Shape = (
    &'static str,
    (&'static str, &'static str),
    (&'static str, &'static [&'static str]),
    &'static str,
);

const SHAPES: [Shape; 7] = [
    (
        "replicas",
        ("  replicas: 1", "  replicas: 3"),
        ("Deployment", &["spec", "replicas"]),
        "3",
    ),
    (
        "service.type",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    type: NodePort",
        ),
        ("Service", &["spec", "type"]),
        "NodePort",
    ),
    (
        "service.annotations",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    annotations:\n      example.com/kind: internal",
        ),
        ("Service", &["metadata", "annotations", "example.com/kind"]),
        "internal",
    ),
    (
        "service.loadBalancerClass",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    loadBalancerClass: example.com/internal",
        ),
        ("Service", &["spec", "loadBalancerClass"]),
        "example.com/internal",
    ),
    (
        "service.ipFamilyPolicy",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    ipFamilyPolicy: PreferDualStack",
        ),
        ("Service", &["spec", "ipFamilyPolicy"]),
        "PreferDualStack",
    ),
    (
        "service.ipFamilies",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    ipFamilies: [IPv6]",
        ),
        ("Service", &["spec", "ipFamilies"]),
        "- IPv6",
    ),
    (
        "service.externalTrafficPolicy",
        (
            "  replicas: 1",
            "  replicas: 1\n  service:\n    externalTrafficPolicy: Cluster",
        ),
        ("Service", &["spec", "externalTrafficPolicy"]),
        "Cluster",
    ),
];

/// The objects of a folder of files.
fn rendered(folder: &Path) -> Vec<Value> {
    let text = run(Command::new(binary("mailaccess-operator"))
        .arg("render")
        .arg(folder));
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// A place in the only object of a kind, as YAML.
fn at(objects: &[Value], kind: &str, place: &[&str]) -> String {
    let mut of_kind = objects.iter().filter(|object| object["kind"] == *kind);
    let mut found = of_kind.next().unwrap();
    assert!(of_kind.next().is_none(), "one {kind}");
    for step in place {
        let Some(inner) = found.get(*step) else {
            return String::new();
        };
        found = inner;
    }
    serde_yaml::to_string(found).unwrap().trim_end().to_owned()
}

#[test]
fn what_only_objects_show_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(checkout().join("crds/examples/access")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let server = folder.path().join(SERVER);
    let well = fs::read_to_string(&server).unwrap();
    let before = rendered(folder.path());
    let template = ["spec", "template"];
    assert!(at(&before, "Deployment", &template).contains("containers"));
    for (field, (from, to), (kind, place), value) in SHAPES {
        assert!(well.contains(from), "{field}");
        fs::write(&server, well.replace(from, to)).unwrap();
        let after = rendered(folder.path());
        assert_ne!(at(&before, kind, place), value, "{field}");
        assert_eq!(at(&after, kind, place), value, "{field}");
        // Hot: the pods that serve stay.
        let [old, new] = [&before, &after].map(|objects| at(objects, "Deployment", &template));
        assert_eq!(old, new, "{field}");
    }
    let shown: BTreeSet<&str> = SHAPES.iter().map(|(field, ..)| *field).collect();
    let named = ELSEWHERE.iter().filter(|(_, _, test)| *test == OBJECTS.1);
    assert_eq!(shown, named.map(|(field, ..)| *field).collect());
}
