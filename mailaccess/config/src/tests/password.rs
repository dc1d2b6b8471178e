//! Password lines: known answers made by other programs, caps, and what is never shown.

use super::mutated;
use crate::password::{PASSWORD_LIMIT, PasswordError};
use crate::{Cost, PasswordHash};
use proptest::prelude::*;

/// Who made it, the password, the line.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "openssl passwd",
        "Hello world!",
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "openssl passwd",
        "Hello world!",
        "{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    ),
    (
        "libxcrypt, with rounds",
        "quickstart",
        "{SHA512-CRYPT}$6$rounds=1400$anotherlongsalts$fvWZ4wsAbaNgmhvEwKuFL0CdiSX2iJeMfrSxgaMi3HJO1JK73h.CGfnSfGjqdYcfAWqGPWyYoSe00tWsMHjrF1",
    ),
    (
        "libxcrypt, UTF-8",
        "pässwörd with UTF-8 ✓",
        "{SHA256-CRYPT}$5$rounds=10000$saltstringsaltst$srm/XAFv30dQWBxbTMzCWoh.4IcN8V2s2t.BKfCzGH0",
    ),
    (
        "libxcrypt, no salt",
        "Hello world!",
        "{SHA512-CRYPT}$6$$.SKR9BCFmNlzTpsFbxLHKPVAMUdqxN8.85WISsmC.fRIPfZ78cePl/wQJcKzjcsDe8rRtdaVxJHS/E1LzWy3./",
    ),
    (
        "libxcrypt, longer than a block",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "{SHA512-CRYPT}$6$rounds=1000$s$4UfR7PuZv5Fh5wGDnIzfUW5mDOSlpgRIu20hrVjoclpTsxj9ZTI/p1PmLlBkTxYuoZyHywS7WDP2dmW7IwwDq.",
    ),
    (
        "libxcrypt",
        "quickstart",
        "{BLF-CRYPT}$2b$05$abcdefghijklmnopqrstuuJsuuPr8FA23pPblC4EhscU6oxkNTaYS",
    ),
    (
        "libxcrypt, cut at 72 bytes",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
    ),
    (
        "python bcrypt",
        "correct horse",
        "{BLF-CRYPT}$2b$04$dW2rozOX/Dri4elnqkwdoedOusBFT4fIbcCHUEw4yuxc/pfqpEUnq",
    ),
    (
        "argon2-cffi, two lanes, short output",
        "correct horse",
        "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$kunbXLUIdGdYO6YIhzAd9bJFmjpOR0O2",
    ),
    (
        "argon2-cffi",
        "pässwörd",
        "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$yxo0u725ht/u+ArqyyL37VGxPOyFMvsz2eBUq2J6aH8",
    ),
    (
        "argon2-cffi, version 1.0",
        "correct horse",
        "{ARGON2ID}$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$vftUFa9uaO6Lnu5cHJ4OHolxHQngInYMDV3axEYChPA",
    ),
    (
        "doveadm pw",
        "correct horse",
        "{ARGON2ID}$argon2id$v=19$m=262144,t=3,p=1$O2VqGQJBGUEd0UgLetOUpw$BHG0xfWVUMO44MgcSCEYdBFcPKbEKxtYh/oIQpTnD8E",
    ),
    (
        "doveadm pw",
        "correct horse",
        "{BLF-CRYPT}$2y$05$hj2lX4urHlEpM2EFC0lh4.4A/WsYkZuN.YTxKs/YR2oLAs7xG1pQK",
    ),
    (
        "doveadm pw",
        "correct horse",
        "{SHA512-CRYPT}$6$rounds=6000$RU3l26.tWDPMsNfE$XvWKP5zmnYP.sbgwLiYxjryOYbb690oiUP/j047Mzt1Ay6it8B1Jhs8f4HUeaBIQO.6WRqZD/fgth1rI/.SCQ.",
    ),
    (
        "doveadm pw",
        "correct horse",
        "{SHA256-CRYPT}$5$rounds=6000$Tm5x//CkGBdol9zL$5tCH.n1q8zJXBhmDWk87Ta2hHL4HVk5LGzejHetS6f/",
    ),
    ("by hand", "p:w}{ ", "{PLAIN}p:w}{ "),
    ("by hand, scheme without case", "x", "{plain}x"),
];

#[test]
fn other_programs_hashes_are_verified() {
    for (who, password, line) in KNOWN {
        let hash: PasswordHash = line.parse().unwrap();
        assert!(hash.verify(password.as_bytes()), "{who}: {line}");
    }
}

#[test]
fn another_password_does_not_fit() {
    for (who, password, line) in KNOWN {
        let hash: PasswordHash = line.parse().unwrap();
        // The first byte, since bcrypt ignores those behind the 72nd.
        let mut other = password.as_bytes().to_vec();
        other[0] ^= 1;
        assert!(!hash.verify(&other), "{who}: {line}");
        if hash.cost().memory_kib() < 20_000 {
            assert!(!hash.verify(b""), "{who}: empty");
        }
    }
}

#[test]
fn a_new_line_is_what_the_reference_implementation_makes() {
    let salt: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let hash = PasswordHash::new(b"quickstart", salt).unwrap();
    assert_eq!(
        hash.expose(),
        "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$snWA8XabG1vfoEBEgAlUVEEoySz1oL6K/LKem1Gn25Q"
    );
    assert_eq!(hash.cost(), Cost::NEW);
    assert!(hash.verify(b"quickstart"));
}

#[test]
fn an_empty_password_or_one_with_nul_never_fits() {
    let plain: PasswordHash = "{PLAIN}a".parse().unwrap();
    assert!(!plain.verify(b"a\0"));
    assert!(matches!(
        "{PLAIN}".parse::<PasswordHash>(),
        Err(PasswordError::Hash {
            scheme: "PLAIN",
            ..
        })
    ));
    // crypt(3) of the empty password.
    let empty: PasswordHash =
        "{BLF-CRYPT}$2b$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO"
            .parse()
            .unwrap();
    assert!(!empty.verify(b""));
}

#[test]
fn a_password_beyond_the_limit_is_not_looked_at() {
    let long = "x".repeat(PASSWORD_LIMIT);
    let hash: PasswordHash = format!("{{PLAIN}}{long}").parse().unwrap();
    assert!(hash.verify(long.as_bytes()));
    let longer = "x".repeat(PASSWORD_LIMIT + 1);
    let hash: PasswordHash = format!("{{PLAIN}}{longer}").parse().unwrap();
    assert!(!hash.verify(longer.as_bytes()));
}

#[test]
fn a_password_that_never_fits_is_not_hashed() {
    for (password, expected) in [
        (Vec::new(), PasswordError::Empty),
        (vec![b'x'; PASSWORD_LIMIT + 1], PasswordError::TooLong),
        (b"a\0b".to_vec(), PasswordError::Nul),
    ] {
        let refused = PasswordHash::new(&password, [7; 16]).map(drop);
        assert_eq!(refused, Err(expected));
    }
    let longest = [b'x'; PASSWORD_LIMIT];
    let hash = PasswordHash::new(&longest, [7; 16]).unwrap();
    assert!(hash.verify(&longest));
}

#[test]
fn a_dummy_costs_the_same_and_never_fits() {
    for cost in [
        Cost::Plain,
        Cost::Sha256Crypt { rounds: 1234 },
        Cost::Sha512Crypt { rounds: 5000 },
        Cost::BlfCrypt { cost: 4 },
        Cost::NEW,
    ] {
        let dummy = PasswordHash::dummy(cost);
        assert_eq!(dummy.cost(), cost);
        for password in ["", "x", "................"] {
            assert!(!dummy.verify(password.as_bytes()), "{cost:?}");
        }
        if cost != Cost::Plain {
            // It goes the way of a real line.
            assert_eq!(dummy.expose().parse::<PasswordHash>().unwrap(), dummy);
        }
    }
}

const SHA: &str =
    "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
const BCRYPT: &str = "abcdefghijklmnopqrstuuJsuuPr8FA23pPblC4EhscU6oxkNTaYS";
const ARGON: &str = "c29tZXNhbHQ$kunbXLUIdGdYO6YIhzAd9bJFmjpOR0O2";

#[test]
fn parameters_have_caps() {
    for (inside, outside) in [
        (
            format!("{{SHA512-CRYPT}}$6$rounds=1000000$s${SHA}"),
            format!("{{SHA512-CRYPT}}$6$rounds=1000001$s${SHA}"),
        ),
        (
            format!("{{SHA512-CRYPT}}$6$rounds=1000$s${SHA}"),
            format!("{{SHA512-CRYPT}}$6$rounds=999$s${SHA}"),
        ),
        (
            format!("{{BLF-CRYPT}}$2b$14${BCRYPT}"),
            format!("{{BLF-CRYPT}}$2b$15${BCRYPT}"),
        ),
        (
            format!("{{BLF-CRYPT}}$2b$04${BCRYPT}"),
            format!("{{BLF-CRYPT}}$2b$03${BCRYPT}"),
        ),
        (
            format!("{{ARGON2ID}}$argon2id$v=19$m=262144,t=4,p=1${ARGON}"),
            format!("{{ARGON2ID}}$argon2id$v=19$m=262145,t=1,p=1${ARGON}"),
        ),
        (
            format!("{{ARGON2ID}}$argon2id$v=19$m=65536,t=16,p=1${ARGON}"),
            format!("{{ARGON2ID}}$argon2id$v=19$m=65536,t=17,p=1${ARGON}"),
        ),
        (
            format!("{{ARGON2ID}}$argon2id$v=19$m=1024,t=64,p=16${ARGON}"),
            format!("{{ARGON2ID}}$argon2id$v=19$m=1024,t=65,p=16${ARGON}"),
        ),
        (
            format!("{{ARGON2ID}}$argon2id$v=19$m=128,t=1,p=16${ARGON}"),
            format!("{{ARGON2ID}}$argon2id$v=19$m=1024,t=1,p=17${ARGON}"),
        ),
        (
            format!("{{ARGON2ID}}$argon2id$v=19$m=16,t=1,p=2${ARGON}"),
            format!("{{ARGON2ID}}$argon2id$v=19$m=15,t=1,p=2${ARGON}"),
        ),
    ] {
        assert!(inside.parse::<PasswordHash>().is_ok(), "{inside}");
        assert!(
            matches!(
                outside.parse::<PasswordHash>(),
                Err(PasswordError::Parameter { .. })
            ),
            "{outside}"
        );
    }
}

#[test]
fn other_schemes_and_forms_are_refused() {
    for bad in [
        "",
        "secret",
        "{PLAIN",
        "{MD5}x",
        "{CRYPT}$6$s$x",
        "{PLAIN.b64}eA==",
        "{PLAIN}two\nlines",
        "{SHA512-CRYPT}",
        "{SHA512-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        "{SHA256-CRYPT}$5$seventeencharacter$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        "{SHA256-CRYPT}$5$salt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5:::",
        "{BLF-CRYPT}$2x$05$abcdefghijklmnopqrstuuJsuuPr8FA23pPblC4EhscU6oxkNTaYS",
        "{BLF-CRYPT}$2b$5$abcdefghijklmnopqrstuuJsuuPr8FA23pPblC4EhscU6oxkNTaYS",
        "{ARGON2ID}$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$vftUFa9uaO6Lnu5cHJ4OHolxHQngInYMDV3axEYChPA",
        "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1,keyid=x$c29tZXNhbHQ$vftUFa9uaO6Lnu5cHJ4OHolxHQngInYMDV3axEYChPA",
        "{ARGON2ID}$argon2id$v=19$m=+256,t=2,p=1$c29tZXNhbHQ$vftUFa9uaO6Lnu5cHJ4OHolxHQngInYMDV3axEYChPA",
        "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1$c29t$vftUFa9uaO6Lnu5cHJ4OHolxHQngInYMDV3axEYChPA",
    ] {
        assert!(bad.parse::<PasswordHash>().is_err(), "{bad}");
    }
}

#[test]
fn neither_debug_nor_an_error_shows_a_line() {
    let hash: PasswordHash = "{PLAIN}marked-secret".parse().unwrap();
    assert!(!format!("{hash:?}").contains("marked"));
    for bad in [
        "marked-secret",
        "{marked-secret}x",
        "{SHA512-CRYPT}marked-secret",
        "{BLF-CRYPT}$2b$99$marked",
    ] {
        let error = bad.parse::<PasswordHash>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("marked"), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_line_is_read_without_panic(line in "\\{(PLAIN|SHA512-CRYPT|SHA256-CRYPT|BLF-CRYPT|ARGON2ID)\\}\\PC{0,120}") {
        if let Ok(hash) = line.parse::<PasswordHash>() {
            prop_assert_eq!(hash.expose(), line);
        }
    }

    #[test]
    fn a_changed_line_is_read_without_panic_and_within_the_caps(
        bytes in (0..KNOWN.len()).prop_flat_map(|i| mutated(KNOWN[i].2.as_bytes().to_vec())),
    ) {
        if let Ok(hash) = String::from_utf8_lossy(&bytes).parse::<PasswordHash>() {
            prop_assert!(hash.cost().memory_kib() <= Cost::MEMORY_LIMIT_KIB);
        }
    }
}
