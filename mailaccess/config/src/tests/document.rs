//! The envelope: names, sequences, digests, and what cannot be a document.

use super::mutated;
use crate::document::{
    CONTENT_LIMIT, Carrier, FILE_LIMIT, next_header, publish, read, read_header,
};
use crate::{DocumentError, DocumentName, Shard};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: u64 = 1_790_000_000_000;
const CONTENT: &str = "groups: []\n";
const RULES: DocumentName = DocumentName::Rules;

fn shard() -> DocumentName {
    DocumentName::Mailboxes(Shard::new(7).unwrap())
}

#[test]
fn names_say_document_format_and_shard() {
    let names: BTreeSet<_> = DocumentName::all().map(DocumentName::file_name).collect();
    assert_eq!(names.len(), 35);
    for (document, file, carrier) in [
        (DocumentName::Settings, "settings-v1", Carrier::ConfigMap),
        (
            DocumentName::Certificates,
            "certificates-v1",
            Carrier::Secret,
        ),
        (shard(), "mailboxes-v1-07", Carrier::ConfigMap),
        (
            DocumentName::Credentials(Shard::new(15).unwrap()),
            "credentials-v1-15",
            Carrier::Secret,
        ),
    ] {
        assert_eq!(document.file_name(), file);
        assert_eq!(document.object_name("mail"), format!("mail-{file}"));
        assert_eq!(document.carrier(), carrier);
    }
    for document in DocumentName::all() {
        assert_eq!(
            DocumentName::from_file_name(&document.file_name()),
            Some(document)
        );
    }
    for other in [
        "",
        "settings",
        "settings-v2",
        "mailboxes-v1-16",
        "mailboxes-v1-7",
        "..data",
    ] {
        assert_eq!(DocumentName::from_file_name(other), None, "{other}");
    }
    assert_eq!(Shard::new(16), None);
}

#[test]
fn a_document_comes_back() {
    for name in [RULES, shard()] {
        let file = publish(name, CONTENT, None, NOW).unwrap();
        let (header, content) = read(name, &file).unwrap();
        assert_eq!(content, CONTENT);
        assert_eq!(header, next_header(CONTENT, None, NOW));
        assert_eq!(read_header(name, &file).unwrap(), header);
        assert_eq!(header.sequence, NOW);
        assert_eq!(publish(name, CONTENT, None, NOW).unwrap(), file);
    }
    let file = publish(RULES, CONTENT, None, NOW).unwrap();
    assert_eq!(
        String::from_utf8(file).unwrap(),
        // The digest by sha256sum.
        "mailaccess rules-v1 1790000000000 sha256:761adf8d97e15214e4da44effe63bc331092f597e3089818d5825c87444b1f27\ngroups: []\n"
    );
}

#[test]
fn a_sequence_stays_with_its_content_and_rises_with_another() {
    let first = next_header("a", None, NOW);
    assert_eq!(next_header("a", Some(&first), NOW + 5), first);
    let later = next_header("b", Some(&first), NOW + 5);
    assert_eq!(later.sequence, NOW + 5);
    // A clock that went back.
    assert_eq!(next_header("c", Some(&later), NOW).sequence, NOW + 6);
    assert_eq!(next_header("b", Some(&later), 0), later);
}

#[test]
fn a_changed_content_is_noticed() {
    let mut file = publish(RULES, CONTENT, None, NOW).unwrap();
    let last = file.len() - 2;
    file[last] ^= 1;
    assert!(matches!(
        read(RULES, &file),
        Err(DocumentError::Digest { .. })
    ));
    let mut file = publish(shard(), CONTENT, None, NOW).unwrap();
    file.truncate(file.len() - 4);
    assert!(matches!(
        read(shard(), &file),
        Err(DocumentError::Compression(_))
    ));
}

#[test]
fn a_document_under_another_name_is_refused() {
    let file = publish(shard(), CONTENT, None, NOW).unwrap();
    let other = DocumentName::Mailboxes(Shard::new(8).unwrap());
    assert!(matches!(
        read(other, &file),
        Err(DocumentError::Name { .. })
    ));
}

#[test]
fn a_header_that_is_none_is_refused() {
    let digest = next_header("", None, 0).digest;
    for (header, good) in [
        (format!("mailaccess rules-v1 1 sha256:{digest}\n"), true),
        (format!("mailaccess rules-v1 1 sha256:{digest}"), false),
        (format!("Mailaccess rules-v1 1 sha256:{digest}\n"), false),
        (format!("mailaccess rules-v1 +1 sha256:{digest}\n"), false),
        (format!("mailaccess rules-v1  sha256:{digest}\n"), false),
        (
            format!("mailaccess rules-v1 253402300799999 sha256:{digest}\n"),
            true,
        ),
        (
            format!("mailaccess rules-v1 253402300800000 sha256:{digest}\n"),
            false,
        ),
        (
            format!("mailaccess rules-v1 99999999999999999999999 sha256:{digest}\n"),
            false,
        ),
        (format!("mailaccess rules-v1 1 sha512:{digest}\n"), false),
        (format!("mailaccess rules-v1 1 sha256:{digest}0\n"), false),
        (
            format!("mailaccess rules-v1 1 sha256:{digest} more\n"),
            false,
        ),
        (digest.to_string().replace('e', "E"), false),
        (String::new(), false),
        ("\n".to_owned(), false),
    ] {
        assert_eq!(read(RULES, header.as_bytes()).is_ok(), good, "{header}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_unpacked() {
    let large = "x".repeat(FILE_LIMIT);
    assert!(matches!(
        publish(RULES, &large, None, NOW),
        Err(DocumentError::FileTooLarge)
    ));
    assert!(publish(shard(), &large, None, NOW).is_ok());
    assert!(matches!(
        publish(shard(), &"x".repeat(CONTENT_LIMIT + 1), None, NOW),
        Err(DocumentError::ContentTooLarge)
    ));
    assert!(matches!(
        read(RULES, &vec![b'x'; FILE_LIMIT + 1]),
        Err(DocumentError::FileTooLarge)
    ));
}

#[test]
fn a_bomb_is_unpacked_no_further_than_the_limit() {
    use std::io::Write as _;
    let header = publish(shard(), "", None, NOW).unwrap();
    let end = header.iter().position(|&b| b == b'\n').unwrap() + 1;
    let mut gzip =
        flate2::write::GzEncoder::new(header[..end].to_vec(), flate2::Compression::fast());
    for _ in 0..64 {
        gzip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < FILE_LIMIT);
    assert!(matches!(
        read(shard(), &bomb),
        Err(DocumentError::ContentTooLarge)
    ));
}

proptest! {
    #[test]
    fn any_content_comes_back(content in "\\PC{0,60}\n?\\PC{0,60}", now in 0..NOW) {
        for name in [RULES, shard()] {
            let file = publish(name, &content, None, now).unwrap();
            let (header, back) = read(name, &file).unwrap();
            prop_assert_eq!(&back, &content);
            prop_assert_eq!(header.sequence, now);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(RULES, &bytes).is_err());
        prop_assert!(read(shard(), &bytes).is_err());
    }

    #[test]
    fn a_changed_file_is_refused_or_has_the_same_content(
        text in mutated(publish(RULES, CONTENT, None, NOW).unwrap()),
        packed in mutated(publish(shard(), CONTENT, None, NOW).unwrap()),
    ) {
        for (name, file) in [(RULES, text), (shard(), packed)] {
            if let Ok((_, content)) = read(name, &file) {
                prop_assert_eq!(content, CONTENT);
            }
        }
    }
}
