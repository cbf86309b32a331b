// SPDX-License-Identifier: GPL-2.0

//! The text format of login and text PDUs, RFC 7143 section 6.1.
//!
//! [`Pairs`] reads the key=value pairs of a whole logical text data segment, [`Writer`] makes one,
//! and the `parse_*` functions read single values. Nothing here knows a key: that is
//! [`keys`](crate::proto::keys).

use core::{
    fmt::{
        self,
        Write as _, //
    },
    str, //
};

/// The longest key name, in bytes (RFC 7143 section 6.1, standard-label).
pub const MAX_KEY_BYTES: usize = 63;

/// The longest simple value, in bytes without its delimiter (RFC 7143 section 6.1).
pub const MAX_VALUE_BYTES: usize = 255;

/// Answer to a key the receiver does not know (RFC 7143 section 6.2).
pub const NOT_UNDERSTOOD: &str = "NotUnderstood";

/// Answer to a key that has no meaning given the other values (RFC 7143 section 6.2).
pub const IRRELEVANT: &str = "Irrelevant";

/// Answer that leaves the key as it was (RFC 7143 section 6.2).
pub const REJECT: &str = "Reject";

/// The list item for "without this function" (RFC 7143 section 6.2.1).
pub const NONE: &str = "None";

/// One key=value pair, borrowed from the received text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// What precedes the first `=`: 1 to [`MAX_KEY_BYTES`] characters of a standard-label.
    pub key: &'a str,
    /// What follows it: UTF-8 without a null character; may be empty.
    pub value: &'a str,
}

/// Why received text is not a sequence of key=value pairs.
///
/// `at` is the offset, in bytes, of the offending pair in the logical text data segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// The last pair is not followed by a null delimiter.
    Unterminated {
        /// Where the pair starts.
        at: usize,
    },
    /// There is no `=`.
    NoEqualsSign {
        /// Where the pair starts.
        at: usize,
    },
    /// Nothing precedes the `=`.
    EmptyKey {
        /// Where the pair starts.
        at: usize,
    },
    /// The key is longer than [`MAX_KEY_BYTES`].
    KeyTooLong {
        /// Where the pair starts.
        at: usize,
    },
    /// The key contains a character that key names do not have.
    KeyCharacter {
        /// Where the pair starts.
        at: usize,
        /// The first such byte.
        byte: u8,
    },
    /// The value is not UTF-8.
    ValueNotUtf8 {
        /// Where the pair starts.
        at: usize,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unterminated { at } => write!(f, "the pair at byte {at} has no null delimiter"),
            Self::NoEqualsSign { at } => write!(f, "the pair at byte {at} has no \"=\""),
            Self::EmptyKey { at } => write!(f, "the pair at byte {at} has no key"),
            Self::KeyTooLong { at } => write!(
                f,
                "the key at byte {at} is longer than {MAX_KEY_BYTES} bytes"
            ),
            Self::KeyCharacter { at, byte } => {
                write!(f, "the key at byte {at} contains the byte {byte:#04x}")
            }
            Self::ValueNotUtf8 { at } => write!(f, "the value at byte {at} is not UTF-8"),
        }
    }
}

/// Iterates over the pairs of a logical text data segment.
///
/// After an error it ends: what follows a broken pair cannot be trusted.
///
/// NOTE: Null bytes beyond a pair's own delimiter are passed over. Targets exist that count their
/// padding into the data segment, and an empty pair can carry no meaning.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Pairs<'a> {
    /// Starts at the beginning of `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text, at: 0 }
    }

    /// Takes the bytes up to the next null delimiter, and the delimiter.
    fn take_terminated(&mut self) -> Result<&'a [u8], TextError> {
        let mut parts = self.rest.splitn(2, |byte| *byte == 0);
        match (parts.next(), parts.next()) {
            (Some(pair), Some(rest)) => {
                self.rest = rest;
                Ok(pair)
            }
            _ => Err(TextError::Unterminated { at: self.at }),
        }
    }

    fn parse(pair: &'a [u8], at: usize) -> Result<Pair<'a>, TextError> {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (key, value) = match (parts.next(), parts.next()) {
            (Some(key), Some(value)) => (key, value),
            _ => return Err(TextError::NoEqualsSign { at }),
        };
        let key = parse_key(key, at)?;
        let value = str::from_utf8(value).map_err(|_| TextError::ValueNotUtf8 { at })?;
        Ok(Pair { key, value })
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((0, rest)) = self.rest.split_first() {
            self.rest = rest;
            self.at = self.at.saturating_add(1);
        }
        if self.rest.is_empty() {
            return None;
        }
        let at = self.at;
        let pair = self.take_terminated().and_then(|bytes| {
            self.at = at.saturating_add(bytes.len()).saturating_add(1);
            Self::parse(bytes, at)
        });
        if pair.is_err() {
            self.rest = &[];
        }
        Some(pair)
    }
}

/// Checks a key name.
///
/// NOTE: A standard-label begins with a capital letter and has no `#`, but the registered names
/// `iSCSIProtocolLevel` and `X#NodeArchitecture` (RFC 7143 sections 13.24 and 13.26) break both
/// rules, so any letter may begin a key and `#` is a key character.
fn parse_key(key: &[u8], at: usize) -> Result<&str, TextError> {
    let first = *key.first().ok_or(TextError::EmptyKey { at })?;
    if key.len() > MAX_KEY_BYTES {
        return Err(TextError::KeyTooLong { at });
    }
    if !first.is_ascii_alphabetic() {
        return Err(TextError::KeyCharacter { at, byte: first });
    }
    if let Some(&byte) = key.iter().find(|byte| !is_key_byte(**byte)) {
        return Err(TextError::KeyCharacter { at, byte });
    }
    // Every byte is ASCII by now, so this cannot fail.
    str::from_utf8(key).map_err(|_| TextError::EmptyKey { at })
}

const fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'@' | b'_' | b'#')
}

/// Reads a numerical-value: a decimal-constant or a hex-constant below 2^64.
///
/// `None` for anything else: a sign, a leading zero in a decimal number, a blank, a range.
pub fn parse_number(value: &str) -> Option<u64> {
    let bytes = value.as_bytes();
    match bytes {
        [b'0', b'x' | b'X', digits @ ..] => parse_digits(digits, 16),
        [b'0'] => Some(0),
        [b'0', ..] => None,
        digits => parse_digits(digits, 10),
    }
}

fn parse_digits(digits: &[u8], radix: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        number
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))
    })
}

/// Reads a boolean-value; case counts.
pub fn parse_boolean(value: &str) -> Option<bool> {
    match value {
        "Yes" => Some(true),
        "No" => Some(false),
        _ => None,
    }
}

/// A boolean-value as text.
pub const fn boolean(value: bool) -> &'static str {
    if value {
        "Yes"
    } else {
        "No"
    }
}

/// Iterates over a list-of-values. `None` if an item is empty or is not a text-value.
pub fn parse_list(value: &str) -> Option<impl Iterator<Item = &str>> {
    let is_text = |item: &str| !item.is_empty() && item.bytes().all(is_text_byte);
    value.split(',').all(is_text).then(|| value.split(','))
}

/// Whether the byte may stand in a text-value.
const fn is_text_byte(byte: u8) -> bool {
    is_key_byte(byte) || matches!(byte, b'/' | b'[' | b']' | b':')
}

/// Whether the value is one of the answers that are reserved words, whatever the key.
pub fn is_reserved_answer(value: &str) -> bool {
    matches!(value, NOT_UNDERSTOOD | IRRELEVANT | REJECT)
}

/// Why a pair was not written; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It does not fit into the buffer.
    Full,
    /// It contains a null character, behind which a receiver would see another pair.
    Null,
}

/// Writes key=value pairs, each with its null delimiter, into a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Starts at the beginning of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Continues behind the first `len` bytes, which are text already.
    pub fn append(buffer: &'a mut [u8], len: usize) -> Self {
        Self { buffer, len }
    }

    /// Writes one pair.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the text then ends before this pair.
    pub fn pair(&mut self, key: &str, value: impl fmt::Display) -> Result<(), WriteError> {
        let mut cursor = Cursor {
            buffer: self.buffer,
            len: self.len,
        };
        write!(cursor, "{key}={value}").map_err(|_| WriteError::Full)?;
        let pair = cursor.buffer.get(self.len..cursor.len).unwrap_or_default();
        if pair.contains(&0) {
            return Err(WriteError::Null);
        }
        cursor.write_str("\0").map_err(|_| WriteError::Full)?;
        self.len = cursor.len;
        Ok(())
    }

    /// How many bytes are written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

/// Where formatted text goes; keeps [`Writer::pair`] all or nothing.
struct Cursor<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl fmt::Write for Cursor<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let space = self.buffer.get_mut(self.len..end).ok_or(fmt::Error)?;
        space.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// A string of at most `N` bytes, held by value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Label<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Label<N> {
    /// The empty string.
    pub const EMPTY: Self = Self {
        bytes: [0; N],
        len: 0,
    };

    /// Copies `text`; `None` if it is longer than `N` bytes.
    pub fn new(text: &str) -> Option<Self> {
        let mut label = Self::EMPTY;
        label
            .bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        label.len = text.len();
        Some(label)
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        // Only `new` fills the bytes, from a `str`.
        str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether the string is empty.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> fmt::Debug for Label<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The beginning of a text from the peer, to be quoted in an error.
///
/// Shows as ASCII: what could drive a terminal or break a log line is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    label: Label<EXCERPT_BYTES>,
    cut: bool,
}

/// How much of a peer's text an error quotes: enough for every legal answer of a login key.
const EXCERPT_BYTES: usize = 40;

impl Excerpt {
    /// Quotes `text`.
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(EXCERPT_BYTES);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let kept = text.get(..end).unwrap_or_default();
        Self {
            label: Label::new(kept).unwrap_or(Label::EMPTY),
            cut: end < text.len(),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.label.as_str().chars() {
            match character {
                ' '..='~' => f.write_char(character)?,
                _ => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            }
        }
        f.write_str(if self.cut { "..." } else { "" })
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests;
