//! Clients that try to log on where nobody may listen.

use crate::harness::{Imap, Local, Pop3, Security, Service};

#[test]
fn nothing_logs_on_in_the_clear_under_secure_login() {
    let local = Local::start("quickstart");
    let mut imap = Imap::connect(local.ports().of(Service::Imap), Security::Plain).unwrap();
    let capabilities = imap.ok("CAPABILITY").find("CAPABILITY");
    assert!(capabilities.contains(" LOGINDISABLED"), "{capabilities}");
    assert!(!capabilities.contains("AUTH="), "{capabilities}");
    assert!(!imap.try_log_on("ann", "quickstart").unwrap().is_ok());
    let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3), Security::Plain).unwrap();
    assert!(pop3.greeting().starts_with("+OK POP3 service ready"));
    assert!(pop3.log_on("ann", "quickstart").is_err());
    // After the handshake both do.
    pop3.command("STLS").unwrap();
    pop3.wire().start_tls("localhost").unwrap();
    pop3.log_on("ann", "quickstart").unwrap();
    imap.ok("STARTTLS");
    imap.wire().start_tls("localhost").unwrap();
    imap.log_on("ann", "quickstart");
}
