// SPDX-License-Identifier: GPL-2.0

//! Key=value text, RFC 7143 section 6.1.

use iscsi_proto::proto::{
    keys::Key,
    text::{
        self,
        Excerpt,
        Pair,
        Pairs,
        TextError,
        WriteError,
        Writer,
        MAX_KEY_BYTES, //
    }, //
};

/// Any bytes are pairs, and then an end or one error; pairs are written as they were read.
pub fn any(data: &[u8]) {
    let mut pairs = Pairs::new(data);
    let (mut read, mut error) = (Vec::new(), None);
    for item in pairs.by_ref() {
        assert_eq!(error, None, "an error ends the text");
        match item {
            Ok(pair) => read.push(pair),
            Err(wrong) => error = Some(wrong),
        }
    }
    assert_eq!(pairs.next(), None);
    assert_eq!((read.clone(), error), model(data));

    for pair in &read {
        check_value(pair.value);
        if let Some(key) = Key::from_name(pair.key) {
            assert_eq!(key.name(), pair.key);
        }
    }
    let mut written = vec![0; data.len()];
    let (len, result) = write(&read, &mut written);
    assert_eq!(result, Ok(()), "it is no longer than it was");
    assert_eq!(model(&written[..len]), (read, None));
}

/// Pairs of our own are read as they were written; a buffer that is too small by any number of
/// bytes takes the pairs that fit.
pub fn round_trip(pairs: &[Pair<'_>]) {
    let whole: Vec<u8> = pairs
        .iter()
        .flat_map(|pair| format!("{}={}\0", pair.key, pair.value).into_bytes())
        .collect();
    for size in 0..=whole.len() {
        let mut buffer = vec![0; size];
        let (len, result) = write(pairs, &mut buffer);
        assert!(whole.starts_with(&buffer[..len]));
        match result {
            Ok(()) => assert_eq!((len, size), (whole.len(), whole.len())),
            Err(error) => assert!(error == WriteError::Full && size < whole.len()),
        }
    }
    let read: Result<Vec<_>, _> = Pairs::new(&whole).collect();
    assert_eq!(read.as_deref(), Ok(pairs));
}

/// Writes pairs up to the first that does not fit; how long they are.
fn write(pairs: &[Pair<'_>], buffer: &mut [u8]) -> (usize, Result<(), WriteError>) {
    let mut writer = Writer::new(buffer);
    for pair in pairs {
        let before = writer.len();
        if let Err(error) = writer.pair(pair.key, pair.value) {
            assert_eq!(
                writer.len(),
                before,
                "a pair is written whole or not at all"
            );
            return (before, Err(error));
        }
    }
    assert_eq!(writer.as_bytes().len(), writer.len());
    (writer.len(), Ok(()))
}

/// The pairs up to the first that is none, and what is wrong with that.
fn model(data: &[u8]) -> (Vec<Pair<'_>>, Option<TextError>) {
    let mut pairs = Vec::new();
    let mut at = 0;
    for piece in data.split_inclusive(|byte| *byte == 0) {
        let start = at;
        at += piece.len();
        match piece.strip_suffix(&[0]) {
            Some([]) => {}
            Some(pair) => match model_pair(pair, start) {
                Ok(pair) => pairs.push(pair),
                Err(error) => return (pairs, Some(error)),
            },
            None => return (pairs, Some(TextError::Unterminated { at: start })),
        }
    }
    (pairs, None)
}

fn model_pair(pair: &[u8], at: usize) -> Result<Pair<'_>, TextError> {
    let is_key_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+@_#".contains(byte);
    let equals = pair.iter().position(|byte| *byte == b'=');
    let equals = equals.ok_or(TextError::NoEqualsSign { at })?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    match key {
        [] => return Err(TextError::EmptyKey { at }),
        _ if key.len() > MAX_KEY_BYTES => return Err(TextError::KeyTooLong { at }),
        [byte, ..] if !byte.is_ascii_alphabetic() => {
            let byte = *byte;
            return Err(TextError::KeyCharacter { at, byte });
        }
        _ => {}
    }
    if let Some(byte) = key.iter().find(|byte| !is_key_byte(byte)) {
        let byte = *byte;
        return Err(TextError::KeyCharacter { at, byte });
    }
    let key = std::str::from_utf8(key).expect("ASCII");
    let value = std::str::from_utf8(value).map_err(|_| TextError::ValueNotUtf8 { at })?;
    Ok(Pair { key, value })
}

/// Every reader of a single value gives what the value says, or nothing.
pub fn check_value(value: &str) {
    assert_eq!(text::parse_number(value), model_number(value));
    if let Some(boolean) = text::parse_boolean(value) {
        assert_eq!(text::boolean(boolean), value);
    }
    if let Some(list) = text::parse_list(value) {
        let items: Vec<_> = list.collect();
        assert!(items.iter().all(|item| !item.is_empty()));
        assert_eq!(items.join(","), value);
    }
    let quoted = Excerpt::new(value).to_string();
    assert!(quoted.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    // 40 bytes, of which each of 2 may be shown as `\u{xxx}`.
    assert!(quoted.len() <= 40 * 6 + 3, "{quoted}");
}

/// Section 6.1: a decimal-constant has no leading zero, a hex-constant begins with 0x.
fn model_number(value: &str) -> Option<u64> {
    let hex = value.strip_prefix("0x").or(value.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((value, 10), |digits| (digits, 16));
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if !is_number || radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}
