//! Addresses, group names, logon names and paths.

use super::{address, settings};
use crate::address::InvalidAddress;
use crate::{DomainName, GroupName, MailboxAddress, PathTemplate, logon_name};
use proptest::prelude::*;

#[test]
fn an_address_has_one_form() {
    for (text, canonical) in [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Smith+News@EXAMPLE.Com", "ann.smith+news@example.com"),
        ("{a}~@localhost", "{a}~@localhost"),
    ] {
        let address: MailboxAddress = text.parse().unwrap();
        assert_eq!(address.as_str(), canonical);
        assert_eq!(
            format!("{}@{}", address.local(), address.domain()),
            canonical
        );
    }
}

#[test]
fn what_means_something_to_a_file_system_is_no_address() {
    use InvalidAddress::{Domain, Dots, Form, Length, LocalCharacter};
    let long_local = format!("{}@example.com", "x".repeat(65));
    let long_domain = format!("x@{}", "abcdefghi.".repeat(26));
    let long = format!("{}@{}com", "x".repeat(64), "abcdefghi.".repeat(19));
    for (bad, why) in [
        ("", Form),
        ("ann", Form),
        ("@example.com", Form),
        ("a@b@c", Form),
        ("a/b@example.com", LocalCharacter),
        ("a\\b@example.com", LocalCharacter),
        ("a\0b@example.com", LocalCharacter),
        ("a b@example.com", LocalCharacter),
        ("a:b@example.com", LocalCharacter),
        ("a,b@example.com", LocalCharacter),
        ("\"a\"@example.com", LocalCharacter),
        ("a\r\n@example.com", LocalCharacter),
        ("änn@example.com", LocalCharacter),
        (".a@example.com", Dots),
        ("..@example.com", Dots),
        ("a.@example.com", Dots),
        ("a..b@example.com", Dots),
        ("a@", Domain),
        ("a@..", Domain),
        ("a@example.com.", Domain),
        ("a@-x.com", Domain),
        ("a@x_y.com", Domain),
        ("a@exa/mple.com", Domain),
        (&long_local, Length),
        (&long_domain, Length),
        (&long, Length),
    ] {
        assert_eq!(bad.parse::<MailboxAddress>(), Err(why), "{bad:?}");
    }
}

#[test]
fn the_shard_of_an_address_never_changes() {
    // The first byte's low half of SHA-256, by sha256sum.
    for (address, shard) in [
        ("ann@example.com", 0x1),
        ("bob@example.com", 0xf),
        ("paulr@robichaux.net", 0x3),
    ] {
        let address: MailboxAddress = address.parse().unwrap();
        assert_eq!(address.shard().index(), shard, "{address}");
    }
}

#[test]
fn group_names_have_no_case() {
    let name = |text: &str| text.parse::<GroupName>().unwrap();
    assert_eq!(name("Field Engineers"), name(" field ENGINEERS "));
    assert_eq!(name("Österreich"), name("österreich"));
    assert_ne!(name("Field Engineers"), name("Field  Engineers"));
    assert_eq!(name("Field Engineers").to_string(), "Field Engineers");
    for bad in ["", "  ", "a\nb", "a\0b"] {
        assert!(bad.parse::<GroupName>().is_err(), "{bad:?}");
    }
    assert!("x".repeat(256).parse::<GroupName>().is_ok());
    assert!("x".repeat(257).parse::<GroupName>().is_err());
}

#[test]
fn a_logon_name_means_a_mailbox_of_the_domains_or_nothing() {
    let settings = settings();
    for (name, address) in [
        ("ann", Some("ann@example.com")),
        ("ANN", Some("ann@example.com")),
        ("ann@example.com", Some("ann@example.com")),
        ("Ann@Example.COM", Some("ann@example.com")),
        ("paulr@robichaux.net", Some("paulr@robichaux.net")),
        ("EXAMPLE\\ann", Some("ann@example.com")),
        ("Robichaux\\paulr", Some("paulr@robichaux.net")),
        ("robichaux.net\\PaulR", Some("paulr@robichaux.net")),
        ("", None),
        ("ann@", None),
        ("@example.com", None),
        ("ann@elsewhere.org", None),
        ("ELSEWHERE\\ann", None),
        ("\\ann", None),
        ("EXAMPLE\\", None),
        ("EXAMPLE\\ann\\bob", None),
        ("EXAMPLE\\ann@example.com", None),
        ("ann@example.com\\bob", None),
        ("example/ann", None),
        ("example/ann/bob", None),
        ("ann@example.com/bob", None),
        ("ann@EXAMPLE", None),
        (" ann", None),
        ("ann\0", None),
    ] {
        let found = logon_name::resolve(&settings, name);
        assert_eq!(
            found.as_ref().map(MailboxAddress::as_str),
            address,
            "{name:?}"
        );
    }
    let mut without_default = settings;
    without_default.default_domain = None;
    assert_eq!(logon_name::resolve(&without_default, "ann"), None);
}

#[test]
fn a_path_is_relative_and_one_persons() {
    let ann: MailboxAddress = "ann@example.com".parse().unwrap();
    for (template, path) in [
        ("{domain}/{local}/Maildir", "example.com/ann/Maildir"),
        ("{local}", "ann"),
        ("mail/{local}@{domain}", "mail/ann@example.com"),
        ("v-{domain}/.u.{local}", "v-example.com/.u.ann"),
    ] {
        let template: PathTemplate = template.parse().unwrap();
        assert_eq!(template.expand(&ann).unwrap().as_str(), path);
    }
    let long = format!("{{local}}/{}", "x".repeat(255));
    for bad in [
        "",
        "/{local}",
        "{local}/",
        "a//{local}",
        "./{local}",
        "../{local}",
        "{local}/..",
        "{domain}",
        "{local}{domain}",
        "{local}-{domain}",
        "{user}/{local}",
        "{local}}",
        "{{local}",
        "{local}/a b",
        "{local}/a\0",
        &long,
    ] {
        assert!(bad.parse::<PathTemplate>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_part_longer_than_a_name_can_be_is_refused() {
    let domain: DomainName = format!("{}com", "abcdefghi.".repeat(18)).parse().unwrap();
    let address = MailboxAddress::new(&"x".repeat(64), &domain).unwrap();
    let template: PathTemplate = "mailboxes-{local}@{domain}".parse().unwrap();
    assert!(template.expand(&address).is_err());
}

#[test]
fn a_local_part_with_braces_is_not_expanded_again() {
    let address: MailboxAddress = "{domain}@example.com".parse().unwrap();
    let template: PathTemplate = "{local}/{domain}".parse().unwrap();
    assert_eq!(
        template.expand(&address).unwrap().as_str(),
        "{domain}/example.com"
    );
}

proptest! {
    #[test]
    fn valid_addresses_are_read_and_stay_the_same(text in address()) {
        let address: MailboxAddress = text.parse().unwrap();
        prop_assert_eq!(address.as_str(), &text);
        prop_assert_eq!(text.to_uppercase().parse::<MailboxAddress>().unwrap(), address);
    }

    #[test]
    fn any_text_that_is_an_address_is_a_safe_path(text in "[\\PC\\x00-\\x20./@\\\\]{0,30}") {
        let settings = settings();
        let by_name = logon_name::resolve(&settings, &text);
        for address in text.parse::<MailboxAddress>().into_iter().chain(by_name) {
            let path = settings.store.path.expand(&address).unwrap();
            prop_assert_eq!(path.parts().count(), 3);
            for part in path.parts() {
                prop_assert!(!part.is_empty() && !part.starts_with('.'));
                prop_assert!(part.bytes().all(|b| b.is_ascii_graphic() && b != b'/'));
            }
        }
    }

    #[test]
    fn two_people_never_share_a_path(a in address(), b in address()) {
        let (a, b): (MailboxAddress, MailboxAddress) = (a.parse().unwrap(), b.parse().unwrap());
        for template in ["{domain}/{local}/Maildir", "{local}@{domain}", "x{local}/{domain}"] {
            let template: PathTemplate = template.parse().unwrap();
            prop_assert_eq!(template.expand(&a) == template.expand(&b), a == b);
        }
    }

    #[test]
    fn any_template_is_read_without_panic(text in "([./a-]|\\{domain\\}|\\{local\\}|\\PC){0,12}") {
        if let Ok(template) = text.parse::<PathTemplate>() {
            let path = template.expand(&"ann@example.com".parse().unwrap()).unwrap();
            prop_assert!(path.parts().all(|part| !matches!(part, "" | "." | "..")));
        }
    }
}
