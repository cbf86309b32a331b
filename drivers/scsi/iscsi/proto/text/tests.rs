// SPDX-License-Identifier: GPL-2.0

use super::*;

fn read(text: &[u8]) -> Result<Vec<(&str, &str)>, TextError> {
    Pairs::new(text)
        .map(|pair| pair.map(|pair| (pair.key, pair.value)))
        .collect()
}

#[test]
fn reads_pairs_in_order() {
    assert_eq!(
        read(b"TargetAlias=Bob-s Disk\0X-com.example.a=\0TargetAddress=[::1]:3260=x\0"),
        Ok(vec![
            ("TargetAlias", "Bob-s Disk"),
            ("X-com.example.a", ""),
            ("TargetAddress", "[::1]:3260=x"),
        ])
    );
    assert_eq!(read(b""), Ok(vec![]));
}

#[test]
fn takes_the_registered_names_that_break_the_label_rule() {
    let text = b"iSCSIProtocolLevel=1\0X#NodeArchitecture=a/1,b/2\0";
    assert_eq!(read(text).unwrap().len(), 2);
}

#[test]
fn passes_over_stray_null_bytes() {
    assert_eq!(
        read(b"\0\0A=1\0\0\0B=2\0\0\0"),
        Ok(vec![("A", "1"), ("B", "2")])
    );
}

#[test]
fn takes_a_key_of_63_bytes_and_refuses_one_of_64() {
    let key = "K".repeat(MAX_KEY_BYTES);
    let text = format!("A=1\0{key}=v\0");
    assert_eq!(read(text.as_bytes()).unwrap()[1], (key.as_str(), "v"));
    let text = format!("A=1\0K{key}=v\0");
    assert_eq!(read(text.as_bytes()), Err(TextError::KeyTooLong { at: 4 }));
}

#[test]
fn names_the_broken_rule_and_the_place() {
    let table: [(&[u8], TextError); 9] = [
        (b"A=1\0B=2", TextError::Unterminated { at: 4 }),
        (b"A", TextError::Unterminated { at: 0 }),
        (b"A=1\0\0B\0", TextError::NoEqualsSign { at: 5 }),
        (b"A=1\0=2\0", TextError::EmptyKey { at: 4 }),
        (b"1A=1\0", TextError::KeyCharacter { at: 0, byte: b'1' }),
        (b"A b=1\0", TextError::KeyCharacter { at: 0, byte: b' ' }),
        (b"A\x1b=1\0", TextError::KeyCharacter { at: 0, byte: 0x1b }),
        (b"A\xff=1\0", TextError::KeyCharacter { at: 0, byte: 0xff }),
        (b"A=\xc3\x28\0", TextError::ValueNotUtf8 { at: 0 }),
    ];
    for (text, error) in table {
        assert_eq!(read(text), Err(error));
    }
}

#[test]
fn ends_after_an_error() {
    let mut pairs = Pairs::new(b"A\0B=2\0");
    assert_eq!(pairs.next(), Some(Err(TextError::NoEqualsSign { at: 0 })));
    assert_eq!(pairs.next(), None);
}

#[test]
fn rejects_truncated_text() {
    let text = b"HeaderDigest=None\0MaxBurstLength=262144\0";
    let first_end = 18;
    for len in 0..text.len() {
        let expected = match len {
            0 => Ok(vec![]),
            _ if len < first_end => Err(TextError::Unterminated { at: 0 }),
            _ if len == first_end => Ok(vec![("HeaderDigest", "None")]),
            _ => Err(TextError::Unterminated { at: first_end }),
        };
        assert_eq!(read(&text[..len]), expected, "{len} bytes");
    }
}

#[test]
fn survives_any_two_bytes_anywhere() {
    let text = *b"A=1\0Bc=No\0";
    for at in 0..text.len() - 1 {
        for pattern in 0..=u16::MAX {
            let mut text = text;
            text[at..at + 2].copy_from_slice(&pattern.to_be_bytes());
            // An iterator that did not end would hang here.
            assert!(Pairs::new(&text).count() <= text.len());
        }
    }
}

#[test]
fn reads_numerical_values() {
    let table = [
        ("0", Some(0)),
        ("1", Some(1)),
        ("8192", Some(8192)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("0x0", Some(0)),
        ("0x00ff", Some(255)),
        ("0XfF", Some(255)),
        ("0xffffffffffffffff", Some(u64::MAX)),
        ("0x10000000000000000", None),
        ("", None),
        ("0x", None),
        ("00", None),
        ("0123", None),
        ("+1", None),
        ("-1", None),
        (" 1", None),
        ("1 ", None),
        ("1a", None),
        ("0xg", None),
        ("1~2", None),
        ("\u{0661}", None),
    ];
    for (text, number) in table {
        assert_eq!(parse_number(text), number, "{text:?}");
    }
}

#[test]
fn reads_booleans_and_lists() {
    assert_eq!(parse_boolean("Yes"), Some(true));
    assert_eq!(parse_boolean("No"), Some(false));
    for text in ["yes", "YES", "no", "true", "1", "", "Yes "] {
        assert_eq!(parse_boolean(text), None, "{text:?}");
    }
    assert!(parse_list("CRC32C,None").unwrap().eq(["CRC32C", "None"]));
    for text in ["", ",", "None,", ",None", "CRC32C, None", "a\u{e9}"] {
        assert!(parse_list(text).is_none(), "{text:?}");
    }
}

#[test]
fn writes_what_it_reads() {
    let mut buffer = [0xaa; 64];
    let mut out = Writer::new(&mut buffer);
    assert!(out.is_empty());
    out.pair("MaxBurstLength", 16_777_215).unwrap();
    out.pair("InitialR2T", boolean(false)).unwrap();
    assert_eq!(out.as_bytes(), b"MaxBurstLength=16777215\0InitialR2T=No\0");
    let len = out.len();
    let mut out = Writer::append(&mut buffer, len);
    out.pair("A", "").unwrap();
    assert_eq!(read(out.as_bytes()).unwrap().last(), Some(&("A", "")));
}

#[test]
fn a_pair_that_does_not_fit_leaves_no_trace() {
    let pair = b"DataDigest=None\0";
    for size in 0..=pair.len() + 4 {
        let mut buffer = [0; 32];
        let mut out = Writer::new(&mut buffer[..size + 4]);
        out.pair("A", 1).unwrap();
        let fits = size >= pair.len();
        let expected = if fits { Ok(()) } else { Err(WriteError::Full) };
        assert_eq!(out.pair("DataDigest", "None"), expected, "{size}");
        assert_eq!(out.len(), if fits { 20 } else { 4 });
        assert_eq!(read(out.as_bytes()).unwrap().len(), 1 + usize::from(fits));
    }
}

#[test]
fn a_value_cannot_smuggle_in_another_pair() {
    let mut buffer = [0; 64];
    let mut out = Writer::new(&mut buffer);
    let alias = "x\0SessionType=Discovery";
    assert_eq!(out.pair("InitiatorAlias", alias), Err(WriteError::Null));
    assert!(out.is_empty());
}

#[test]
fn labels_hold_exactly_their_size() {
    let label = Label::<4>::new("\u{e9}ab").unwrap();
    assert_eq!(label.as_str(), "\u{e9}ab");
    assert_eq!(Label::<4>::new("abcde"), None);
    assert!(Label::<0>::new("").unwrap().is_empty());
}

#[test]
fn excerpts_are_harmless_and_short() {
    let quote = |text: &str| Excerpt::new(text).to_string();
    assert_eq!(quote("CRC32C"), "CRC32C");
    assert_eq!(quote("a\x1b[2J\n"), "a\\u{1b}[2J\\u{a}");
    assert_eq!(quote("\u{e9}"), "\\u{e9}");
    assert_eq!(quote(&"x".repeat(40)), "x".repeat(40));
    assert_eq!(quote(&"x".repeat(41)), format!("{}...", "x".repeat(40)));
    // A character across the cut is left out as a whole.
    let text = format!("{}\u{e9}", "x".repeat(39));
    assert_eq!(quote(&text), format!("{}...", "x".repeat(39)));
}
