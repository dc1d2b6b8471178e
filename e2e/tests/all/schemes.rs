//! Passwords hashed by Dovecot's `doveadm` let their people in, scheme by scheme.

use crate::harness::{Imap, Local, Security, Service, run};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

const SCHEMES: [&str; 5] = [
    "ARGON2ID",
    "BLF-CRYPT",
    "SHA512-CRYPT",
    "SHA256-CRYPT",
    "PLAIN",
];

#[test]
#[ignore = "needs Debian's Dovecot: run by e2e/run"]
fn hashes_of_doveadm_are_verified() {
    // Whatever stands in the system's configuration is none of this test's business.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("dovecot.conf");
    fs::write(&config, "ssl = no\n").unwrap();
    let local = Local::start_with("quickstart", "warn", |files| {
        let mut passwd = String::new();
        for (number, scheme) in SCHEMES.iter().enumerate() {
            let password = format!("pass word {number}");
            let hash = run(Command::new("doveadm")
                .arg("-c")
                .arg(&config)
                .args(["pw", "-s", scheme, "-p", &password]));
            assert!(hash.starts_with(&format!("{{{scheme}}}")), "{hash}");
            writeln!(passwd, "    user{number}@example.com:{}", hash.trim()).unwrap();
        }
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: users\nstringData:\n  passwd: |\n{passwd}"
        );
        fs::write(files.join("users.yaml"), secret).unwrap();
        let server = fs::read_to_string(files.join("mailaccessserver.yaml")).unwrap();
        let server = server.replace("imapEnabled: false", "imapEnabled: true");
        fs::write(files.join("mailaccessserver.yaml"), server).unwrap();
    });
    for (number, scheme) in SCHEMES.iter().enumerate() {
        let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
        let name = format!("user{number}");
        let wrong = imap.try_log_on(&name, "pass word").unwrap();
        assert!(
            wrong.status.starts_with("NO "),
            "{scheme}: {}",
            wrong.status
        );
        let right = imap
            .try_log_on(&name, &format!("pass word {number}"))
            .unwrap();
        assert!(right.is_ok(), "{scheme}: {}", right.status);
    }
}
