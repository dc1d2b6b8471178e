//! Where Dovecot answers otherwise, and why we do not follow it.

use super::differences::Known;

/// Messages without a `Date`, or with one that is none.
const UNDATED: &[&str] = &[
    "address-empty",
    "date-broken",
    "deep-messages",
    "empty",
    "no-body-no-line-end",
    "no-headers",
    "one-word",
    "starts-with-a-fold",
];

/// Fields that are named, and fields that are not.
const FIELDS: &[&str] = &[
    "BODY[HEADER.FIELDS (SUBJECT FROM)]",
    "BODY[HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
];

/// Every difference.
pub(super) const DIFFERENCES: &[Known] = &[
    // --- FETCH: what the grammar says ---
    Known {
        messages: &["plain-crlf", "digest"],
        items: &["BODY[0]", "BODY[1.0]"],
        reason: "numbers of parts are `nz-number`; Dovecot answers an empty section",
    },
    // --- FETCH: headers ---
    Known {
        messages: &[
            "empty",
            "multipart-no-body",
            "no-body",
            "no-body-no-line-end",
            "one-word",
        ],
        items: FIELDS,
        reason: "a message without a body and a blank line gets none (RFC 3501 6.4.5); \
                 Dovecot adds one to fields that are named, though not to those that are not",
    },
    Known {
        messages: &["multipart-bare-parts"],
        items: &[
            "BODY[5.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[5.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[5.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[5.HEADER.FIELDS.NOT (X-NOWHERE)]",
            "BODY[6.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[6.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[6.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[6.HEADER.FIELDS.NOT (X-NOWHERE)]",
        ],
        reason: EMPTY_MESSAGE,
    },
    Known {
        messages: &["digest-nested"],
        items: &[
            "BODY[1.3.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[1.3.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[1.3.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[1.3.HEADER.FIELDS.NOT (X-NOWHERE)]",
        ],
        reason: EMPTY_MESSAGE,
    },
    Known {
        messages: &["rfc822-boundary-in-header"],
        items: &[
            "BODY",
            "BODYSTRUCTURE",
            "BODY[1]",
            "BODY[2]",
            "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[1.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[1.HEADER.FIELDS.NOT (X-NOWHERE)]",
            "BODY[2.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[2.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[2.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[2.HEADER.FIELDS.NOT (X-NOWHERE)]",
        ],
        reason: "the line end before a boundary is the boundary's (RFC 2046 5.1.1), in a header too, and \
                 the header ends there; Dovecot counts it, and reads on into the next part's fields",
    },
    Known {
        messages: &["folded-fields"],
        items: &["BODY", "BODYSTRUCTURE", "ENVELOPE"],
        reason: "a fold is one space in every field; Dovecot makes it so in Subject only, and leaves tabs \
                 before and within the others",
    },
    Known {
        messages: &["group-addresses"],
        items: &["ENVELOPE", "SEARCH BCC MISSING_MAILBOX"],
        reason: "a group's list may have empty places (RFC 5322 4.4); Dovecot shows, and finds, an address that is \
                 missing",
    },
    // --- FETCH: types ---
    Known {
        messages: &["content-type-no-subtype"],
        items: &["BODY", "BODYSTRUCTURE"],
        reason: "a type without a subtype gets the usual one, a broken one is text/plain (RFC 2045 5.2); \
                 Dovecot shows empty strings",
    },
    Known {
        messages: &["content-type-broken-parameters"],
        items: &["BODY", "BODYSTRUCTURE", "SEARCH BODY \"no semicolon\""],
        reason: "a type with garbage behind it is still that type; Dovecot takes it for none",
    },
    Known {
        messages: &["content-type-multipart-no-subtype"],
        items: &[
            "BODY",
            "BODYSTRUCTURE",
            "BODY[1]",
            "BODY[1.MIME]",
            "SEARCH BODY \" \"",
            "SEARCH NOT BODY e",
        ],
        reason: "`multipart` alone has parts all the same; Dovecot takes it for no type",
    },
    Known {
        messages: &["rfc2231"],
        items: &["BODY", "BODYSTRUCTURE"],
        reason: "when pieces are joined to one value, those that were not encoded are encoded (RFC 2231 4.1); \
                 Dovecot leaves `'` and blanks, so that the value cannot be decoded",
    },
    Known {
        messages: &["rfc2231-broken"],
        items: &["BODY", "BODYSTRUCTURE"],
        reason: "numbers with leading zeros are read, and names with stars in odd places are kept as they \
                 are; Dovecot renames them",
    },
    Known {
        messages: &["rfc822-base64"],
        items: &[
            "BODY",
            "BODYSTRUCTURE",
            "BODY[1]",
            "BODY[1.1.MIME]",
            "BODY[1.HEADER]",
            "BODY[1.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[1.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[1.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[1.HEADER.FIELDS.NOT (X-NOWHERE)]",
            "BODY[2.1]",
            "BODY[2.1.MIME]",
            "BODY[2.HEADER]",
            "BODY[2.HEADER.FIELDS (SUBJECT FROM)]",
            "BODY[2.HEADER.FIELDS (X-NOWHERE CONTENT-TYPE RECEIVED)]",
            "BODY[2.HEADER.FIELDS.NOT (SUBJECT FROM TO)]",
            "BODY[2.HEADER.FIELDS.NOT (X-NOWHERE)]",
            "BODY[2.TEXT]",
            "SEARCH BODY \"Content-Type\"",
            "SEARCH BODY \"hidden words\"",
            "SEARCH BODY \"inside base64\"",
            "SEARCH BODY \"inside quoted\"",
            "SEARCH TEXT \"hidden words\"",
            "SEARCH TEXT bob@example.com",
        ],
        reason: "an encoded message, which RFC 2045 6.4 forbids, is shown as bytes and searched decoded; \
                 Dovecot reads its encoding as if it were a header",
    },
    // --- SEARCH: what the grammar says ---
    Known {
        messages: &["*"],
        items: &["SEARCH KEYWORD \\Seen"],
        reason: "a keyword is an atom, which no backslash is part of",
    },
    Known {
        messages: &["*", "address-broken"],
        items: &["SEARCH ON \" 1-Feb-2026\""],
        reason: "a day in SEARCH has one or two digits and no blank",
    },
    Known {
        messages: &["*"],
        items: &["SEARCH SINCE 29-Feb-2026", "SEARCH SINCE 32-Jan-2026"],
        reason: "there are no such days; Dovecot takes those behind them",
    },
    Known {
        messages: &["rfc2231-broken"],
        items: &["SEARCH 10000:*"],
        reason: "`10000:*` is `*:10000`, which has the last message in it (RFC 3501 9, seq-range)",
    },
    Known {
        messages: &["garbage-in-header", "long-lines"],
        items: &["SEARCH HEADER \"\" x"],
        reason: "no field has an empty name; Dovecot finds what it cannot read under it",
    },
    Known {
        messages: &["*", "plain-crlf"],
        items: &["SEARCH CHARSET ISO-8859-1 BODY \"spirit only\""],
        reason: "US-ASCII and UTF-8 are the charsets of SEARCH, and BADCHARSET says so",
    },
    // --- SEARCH: days ---
    Known {
        messages: UNDATED,
        items: &[
            "SEARCH NOT SENTBEFORE 1-Jan-2030",
            "SEARCH SENTBEFORE 1-Jan-1980",
            "SEARCH SENTBEFORE 1-Jan-2000",
            "SEARCH SENTBEFORE 4-Feb-2026",
        ],
        reason: "what has no date was sent on no day; Dovecot says 1970",
    },
    Known {
        messages: &["date-without-zone"],
        items: &[
            "SEARCH NOT SENTSINCE 1-Jan-1980",
            "SEARCH SENTBEFORE 1-Jan-1980",
            "SEARCH SENTBEFORE 1-Jan-2000",
            "SEARCH SENTBEFORE 4-Feb-2026",
            "SEARCH SENTON 31-Mar-2026",
            "SEARCH SENTSINCE 1-Jan-1980",
        ],
        reason: "time and zone do not count in SENT keys, so a wrong time spoils nothing; Dovecot says 1970",
    },
    Known {
        messages: &["duplicate-fields"],
        items: &["SEARCH SENTON 10-Feb-2026", "SEARCH SENTON 11-Feb-2026"],
        reason: "of two dates the one counts that ENVELOPE shows; Dovecot searches the other",
    },
    // --- SEARCH: addresses ---
    Known {
        messages: &["folded-fields"],
        items: &["SEARCH HEADER From \"Ann Example\""],
        reason: "a fold is one space; Dovecot searches the tabs of it",
    },
    // --- SEARCH: text ---
    Known {
        messages: &["encoded-words"],
        items: &["SEARCH CHARSET UTF-8 HEADER X-Language {7+} Straße"],
        reason: "an encoded word may name its language (RFC 2231 5); Dovecot does not decode it then",
    },
    Known {
        messages: &["encoded-words"],
        items: &["SEARCH CHARSET UTF-8 HEADER X-Split {7+} € end"],
        reason: "a character that is split over two encoded words is read, as most clients do; Dovecot \
                 decodes each word by itself",
    },
    Known {
        messages: &["charset-utf-16"],
        items: &["SEARCH CHARSET UTF-8 BODY {3+} ☺"],
        reason: "UTF-7 is not decoded: no client writes it any more, and it hides text from filters",
    },
    Known {
        messages: &["base64-broken"],
        items: &[
            "SEARCH BODY second",
            "SEARCH CHARSET UTF-8 BODY {3+} \u{fffd}",
        ],
        reason: "base64 is read on behind padding and garbage (RFC 2045 6.8); Dovecot stops there",
    },
    Known {
        messages: &["duplicate-fields"],
        items: &[
            "SEARCH BODY \" \"",
            "SEARCH CHARSET UTF-8 BODY {3+} \u{fffd}",
            "SEARCH NOT BODY e",
        ],
        reason: "of two encodings the one counts that BODYSTRUCTURE shows; Dovecot searches with the other",
    },
    Known {
        messages: &["uuencoded"],
        items: &[
            "SEARCH BODY \" \"",
            "SEARCH BODY end",
            "SEARCH BODY hello",
            "SEARCH NOT BODY e",
            "SEARCH TEXT hello",
        ],
        reason: "text in an unknown encoding is searched as it is written; Dovecot leaves it out",
    },
];

const EMPTY_MESSAGE: &str = "a message within a part is empty, and so are its fields; Dovecot reads on into the boundary's \
     line end";
