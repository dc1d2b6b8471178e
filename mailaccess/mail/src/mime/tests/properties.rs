//! What holds of any bytes, and of mail that was cut and joined anywhere.

use super::{Bytes, scan};
use crate::mime::{Kind, Section, SectionText, Structure};
use proptest::prelude::*;

/// Pieces that real mail is made of, and some that break it.
pub(crate) fn mutated_mail() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/digest; boundary=bb\r\n",
        "Content-Type: multipart/x; boundary=\"\"\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/plain;\r\n charset*0=utf-;charset*1=8\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Disposition: attachment; filename*=utf-8''%41\r\n",
        "Subject: =?utf-8?q?x=C3?= =?utf-8?q?=A9?=\r\n",
        "From: \"a\\\"b\" <@r:c@d>, g: e@f (x;\r\n",
        "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n",
        "\r\n",
        "--b\r\n",
        "--bb\r\n",
        "--b--\r\n",
        "--bb--\r\n",
        "--\r\n",
        "text\r\n",
        "aGVs\r\n",
        "--b",
        "x",
        " fold\r\n",
        "\n",
        "\r",
        "\0",
        "\u{e9}",
        ":",
        "=",
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..4);
    prop::collection::vec(
        prop_oneof![9 => pieces.prop_map(|piece| piece.as_bytes().to_vec()), 1 => noise],
        0..30,
    )
    .prop_map(|pieces| pieces.concat())
}

fn check_nesting(structure: &Structure, len: u64) {
    let root = structure.root();
    assert_eq!((root.header().start, root.body().end), (0, len));
    for part in structure.parts() {
        let (header, body) = (part.header(), part.body());
        assert!(
            header.start <= header.end && header.end == body.start,
            "{part:?}"
        );
        assert!(body.start <= body.end && part.lines() <= body.end - body.start);
        let mut at = body.start;
        for child in part.children() {
            assert!(
                child.header().start >= at && child.body().end <= body.end,
                "{child:?}"
            );
            assert_eq!(
                child.parent().map(super::super::part::Part::index),
                Some(part.index())
            );
            at = child.body().end;
        }
        let children = part.children().count();
        match part.kind() {
            Kind::Leaf => assert_eq!(children, 0),
            Kind::Message => assert_eq!(children, 1),
            Kind::Multipart => {}
        }
        if let Some(envelope) = part.envelope() {
            for list in [
                envelope.from(),
                envelope.sender(),
                envelope.reply_to(),
                envelope.to(),
            ] {
                assert!(list.count() as u64 <= 2 * len + 2);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_parts_that_nest(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let len = bytes.len() as u64;
        check_nesting(&scan(bytes), len);
    }

    #[test]
    fn mutated_mail_has_parts_that_nest(mail in mutated_mail(), step in 1_usize..70) {
        let body = Bytes::new(mail.clone());
        let structure = Structure::scan(&body).unwrap();
        check_nesting(&structure, mail.len() as u64);
        prop_assert_eq!(body.read(), mail.len() as u64, "one pass");
        prop_assert_eq!(Structure::scan(&Bytes::in_steps(mail, step)).unwrap(), structure);
    }

    #[test]
    fn sections_of_mutated_mail_lie_in_it(
        mail in mutated_mail(),
        path in prop::collection::vec(0_u32..4, 0..4),
    ) {
        let body = Bytes::new(mail);
        let structure = Structure::scan(&body).unwrap();
        let names = vec![(*b"subject").into()];
        for text in [
            SectionText::Full, SectionText::Header, SectionText::Text, SectionText::Mime,
            SectionText::HeaderFields(names.clone()), SectionText::HeaderFieldsNot(names.clone()),
        ] {
            let pieces = Section { path: path.clone(), text }.resolve(&structure, &body).unwrap();
            let mut at = 0;
            for range in pieces.ranges() {
                prop_assert!(at <= range.start && range.start < range.end);
                at = range.end;
            }
            prop_assert!(at <= crate::store::Body::len(&body));
        }
    }
}

#[test]
fn lines_longer_than_a_window_change_nothing() {
    for len in [65_534, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let text = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{0}\r\n--b\r\n\r\n{0}\r\n--b--\r\n",
            "x".repeat(len)
        );
        let structure = scan(text);
        let part = structure.root().children().next().unwrap();
        assert_eq!(part.body().end - part.body().start, len as u64);
        assert_eq!(structure.parts().len(), 2);
    }
}

#[test]
fn a_message_that_ends_early_is_lost() {
    struct Short;
    impl crate::store::Body for Short {
        fn len(&self) -> u64 {
            100
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, crate::store::BodyLost> {
            Ok(buffer
                .len()
                .min(usize::try_from(10_u64.saturating_sub(offset)).unwrap()))
        }
        fn try_read_at(
            &self,
            offset: u64,
            buffer: &mut [u8],
        ) -> Result<Option<usize>, crate::store::BodyLost> {
            self.read_at(offset, buffer).map(Some)
        }
    }
    assert_eq!(Structure::scan(&Short).unwrap_err().offset, 10);
}
