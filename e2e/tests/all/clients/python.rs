//! Python's imaplib and poplib.

use crate::harness::{Local, Service, run};
use std::process::Command;

const COMMON: &str = r#"
import ssl, sys
tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
user, password = "ann@example.com", "quickstart"
def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]
"#;

const IMAPLIB: &str = r#"
import imaplib, time
for starts_with_tls in (True, False):
    if starts_with_tls:
        imap = imaplib.IMAP4_SSL("localhost", int(sys.argv[1]), ssl_context=tls)
    else:
        imap = imaplib.IMAP4("localhost", int(sys.argv[2]))
        assert "LOGINDISABLED" in imap.capabilities, imap.capabilities
        ok(imap.starttls(tls))
    assert "LOGINDISABLED" not in imap.capabilities, imap.capabilities
    if starts_with_tls:
        ok(imap.login(user, password))
    else:
        message = b"\0" + user.encode() + b"\0" + password.encode()
        ok(imap.authenticate("PLAIN", lambda challenge: message))
    assert any(b"INBOX" in line for line in ok(imap.list()))
    ok(imap.namespace())
    count = int(ok(imap.select())[0])
    assert count >= 6, count
    uids = ok(imap.uid("SEARCH", None, "ALL"))[0].split()
    assert len(uids) == count, uids
    for uid in uids:
        parts = ok(imap.uid("FETCH", uid, "(FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))
        assert parts[0][1], parts
    ok(imap.store("1", "+FLAGS", r"(\Flagged $Python)"))
    assert rb"\Flagged" in ok(imap.fetch("1", "(FLAGS)"))[0]
    assert ok(imap.search(None, "KEYWORD", "$Python"))[0] == b"1"
    ok(imap.store("1", "-FLAGS", r"(\Flagged $Python)"))
    assert rb"\Flagged" not in ok(imap.fetch("1", "(FLAGS)"))[0]
    folder = "Python%d" % starts_with_tls
    ok(imap.create(folder))
    ok(imap.subscribe(folder))
    assert any(folder.encode() in line for line in ok(imap.lsub()))
    ok(imap.copy("1:2", folder))
    text = b"Subject: uploaded\r\n\r\nby imaplib\r\n"
    ok(imap.append(folder, r"(\Seen \Draft)", imaplib.Time2Internaldate(time.time()), text))
    assert int(ok(imap.select(folder))[0]) == 3
    assert ok(imap.fetch("3", "(BODY[])"))[0][1] == text
    assert ok(imap.search(None, "SUBJECT", "uploaded"))[0] == b"3"
    ok(imap.store("1:3", "+FLAGS", r"(\Deleted)"))
    assert len(ok(imap.expunge())) == 3
    ok(imap.close())
    ok(imap.unsubscribe(folder))
    ok(imap.delete(folder))
    assert imap.logout()[0] == "BYE"
"#;

const POPLIB: &str = r#"
import poplib
count = None
for starts_with_tls in (True, False):
    if starts_with_tls:
        pop = poplib.POP3_SSL("localhost", int(sys.argv[1]), context=tls)
    else:
        pop = poplib.POP3("localhost", int(sys.argv[2]))
        assert "STLS" in pop.capa() and "USER" not in pop.capa(), pop.capa()
        pop.stls(tls)
    assert pop.capa()["SASL"] == ["PLAIN", "LOGIN"], pop.capa()
    pop.user(user)
    pop.pass_(password)
    found, octets = pop.stat()
    assert count is None or found == count - 1, (found, count)
    count = found
    listed = pop.list()[1]
    assert len(listed) == count
    assert sum(int(line.split()[1]) for line in listed) == octets
    ids = [line.split()[1] for line in pop.uidl()[1]]
    assert len(set(ids)) == count
    for number in range(1, count + 1):
        lines = pop.retr(number)[1]
        size = sum(len(line) + 2 for line in lines)
        assert abs(size - int(listed[number - 1].split()[1])) <= 2, (number, size)
        top = pop.top(number, 2)[1]
        assert lines[:len(top)] == top
    pop.noop()
    pop.dele(1)
    pop.rset()
    assert pop.stat() == (count, octets)
    pop.dele(count)
    pop.quit()
"#;

fn python(script: &str, ports: [u16; 2]) {
    run(Command::new("/usr/bin/python3")
        .args(["-c", &[COMMON, script].concat()])
        .args(ports.map(|port| port.to_string())));
}

#[test]
#[ignore = "needs Debian's Python: run by e2e/run"]
fn imaplib_does_everything_that_it_can() {
    let local = Local::start("quickstart");
    let ports = [Service::Imaps, Service::Imap].map(|service| local.ports().of(service));
    python(IMAPLIB, ports);
}

#[test]
#[ignore = "needs Debian's Python: run by e2e/run"]
fn poplib_does_everything_that_it_can() {
    let local = Local::start("quickstart");
    let ports = [Service::Pop3s, Service::Pop3].map(|service| local.ports().of(service));
    python(POPLIB, ports);
}
