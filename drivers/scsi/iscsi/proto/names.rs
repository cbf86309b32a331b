// SPDX-License-Identifier: GPL-2.0

//! iSCSI names (RFC 7143 section 4.2.7) and aliases (section 4.2.8).

use core::fmt;

use super::machine::named_enum;

/// The longest iSCSI name in bytes, RFC 7143 section 4.2.7.1.
pub const MAX_NAME_BYTES: usize = 223;

/// The longest alias we take, in bytes. RFC 7143 section 6.1 would allow 255.
pub const MAX_ALIAS_BYTES: usize = 223;

/// A valid iSCSI name, in the lower case that RFC 3722 prescribes for comparison.
///
/// # Invariants
///
/// The first `len` bytes are ASCII and obey the rules of the type that the name starts with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IscsiName {
    bytes: [u8; MAX_NAME_BYTES + 1],
    len: u8,
}

impl IscsiName {
    /// Checks and normalises a name: `iqn.` with a date and a reversed domain name of at least two
    /// labels, `eui.` with 16 hexadecimal digits, or `naa.` with 16 or 32.
    ///
    /// # Errors
    ///
    /// The first rule that the name breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let raw = text.as_bytes();
        if raw.is_empty() {
            return Err(NameError::Empty);
        }
        if raw.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        let mut bytes = [0; MAX_NAME_BYTES + 1];
        for (to, from) in bytes.iter_mut().zip(raw) {
            *to = from.to_ascii_lowercase();
        }
        let name = Self {
            bytes,
            len: u8::try_from(raw.len()).map_err(|_| NameError::TooLong)?,
        };
        check(name.as_bytes())?;
        // INVARIANT: `check` has seen every byte.
        Ok(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as it goes into a login request, without a terminating zero.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

named_enum! {
    /// The rule that a name breaks. `as_str` is the text that the user reads.
    pub enum NameError {
        /// There is no name.
        Empty = "empty iSCSI name.",
        /// More than [`MAX_NAME_BYTES`].
        TooLong = "iSCSI name exceeded maximum length.",
        /// It starts with none of `iqn.`, `eui.`, `naa.`.
        UnknownType = "unknown iSCSI name type.",
        /// Something else than letters, digits, `-`, `.` and `:`.
        InvalidCharacter = "iSCSI name invalid character used",
        /// No `.` behind the date.
        IqnFormat = "iqn formatting error.",
        /// The date is not four digits, `-`, two digits.
        IqnDate = "invalid iqn date.  format is: YYYY-MM",
        /// It ends with `:`.
        IqnSubdomain = "missing subdomain after \":\"",
        /// The year is not a number.
        IqnYear = "invalid year",
        /// The month is not a number from 1 to 12.
        IqnMonth = "invalid month",
        /// Fewer than two labels, or an empty one.
        IqnDomain = "missing reversed fully qualified domain name",
        /// Not 16 hexadecimal digits behind `eui.`.
        EuiFormat = "eui formatting error.",
        /// Not 16 or 32 hexadecimal digits behind `naa.`.
        NaaFormat = "naa formatting error.",
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A short text that an operator gives a node, empty if there is none. It is UTF-8 without control
/// characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Alias {
    bytes: [u8; MAX_ALIAS_BYTES + 1],
    len: u8,
}

impl Alias {
    /// No alias.
    pub const NONE: Self = Self {
        bytes: [0; MAX_ALIAS_BYTES + 1],
        len: 0,
    };

    /// Checks an alias. The empty text is [`Alias::NONE`].
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AliasError> {
        let len = u8::try_from(text.len()).map_err(|_| AliasError::TooLong)?;
        if text.len() > MAX_ALIAS_BYTES {
            return Err(AliasError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AliasError::InvalidCharacter);
        }
        let mut alias = Self { len, ..Self::NONE };
        for (to, from) in alias.bytes.iter_mut().zip(text.as_bytes()) {
            *to = *from;
        }
        Ok(alias)
    }

    /// Whether there is no alias.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The alias as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len));
        core::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Debug for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

named_enum! {
    /// The rule that an alias breaks. `as_str` is the text that the user reads.
    pub enum AliasError {
        /// More than [`MAX_ALIAS_BYTES`].
        TooLong = "Name too long",
        /// It contains a control character.
        InvalidCharacter = "alias invalid character used",
    }
}

impl fmt::Display for AliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn check(name: &[u8]) -> Result<(), NameError> {
    let is_allowed =
        |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':');
    match name.split_first_chunk::<4>() {
        Some((b"iqn.", rest)) => {
            if !rest.iter().all(is_allowed) {
                return Err(NameError::InvalidCharacter);
            }
            check_iqn(rest)
        }
        Some((b"eui.", rest)) if is_hex(rest) && rest.len() == 16 => Ok(()),
        Some((b"eui.", _)) => Err(NameError::EuiFormat),
        Some((b"naa.", rest)) if is_hex(rest) && matches!(rest.len(), 16 | 32) => Ok(()),
        Some((b"naa.", _)) => Err(NameError::NaaFormat),
        Some(_) | None => Err(NameError::UnknownType),
    }
}

/// `YYYY-MM.<domain>[:<text>]`, RFC 7143 section 4.2.7.4.
fn check_iqn(rest: &[u8]) -> Result<(), NameError> {
    let Some((&[y1, y2, y3, y4, dash, m1, m2], rest)) = rest.split_first_chunk::<7>() else {
        return Err(NameError::IqnDate);
    };
    if dash != b'-' {
        return Err(NameError::IqnDate);
    }
    if ![y1, y2, y3, y4].iter().all(u8::is_ascii_digit) {
        return Err(NameError::IqnYear);
    }
    if !matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2')) {
        return Err(NameError::IqnMonth);
    }
    let Some((b'.', rest)) = rest.split_first() else {
        return Err(NameError::IqnFormat);
    };
    let mut parts = rest.splitn(2, |&b| b == b':');
    let mut labels = parts.next().unwrap_or_default().split(|&b| b == b'.');
    let first = labels.next().unwrap_or_default();
    let mut others = labels.clone().peekable();
    if first.len() < 2 || others.peek().is_none() || others.any(<[u8]>::is_empty) {
        return Err(NameError::IqnDomain);
    }
    if rest.ends_with(b":") {
        return Err(NameError::IqnSubdomain);
    }
    Ok(())
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_examples_of_the_rfc() {
        // RFC 7143 sections 4.2.7.4 to 4.2.7.6.
        for name in [
            "iqn.2001-04.com.example:storage:diskarrays-sn-a8675309",
            "iqn.2001-04.com.example",
            "iqn.2001-04.com.example:storage.tape1.sys1.xyz",
            "eui.02004567a425678d",
            "naa.52004567ba64678d",
            "naa.62004567ba64678d0123456789abcdef",
        ] {
            assert_eq!(IscsiName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_are_kept_in_lower_case() {
        let name = IscsiName::parse("IQN.2001-04.Com.Example:Disk-A").unwrap();
        assert_eq!(name.as_str(), "iqn.2001-04.com.example:disk-a");
        let name = IscsiName::parse("eui.02004567A425678D").unwrap();
        assert_eq!(name.as_str(), "eui.02004567a425678d");
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        use NameError::*;
        for (name, error) in [
            ("", Empty),
            ("iqn", UnknownType),
            ("iqm.2001-04.com.example", UnknownType),
            ("ä", UnknownType),
            ("iqn.2001-04.com.exam_ple", InvalidCharacter),
            ("iqn.2001-04.com.example:a b", InvalidCharacter),
            ("iqn.2001-04.com.example:\u{fffd}", InvalidCharacter),
            ("iqn.2001-04.com.example:a,b", InvalidCharacter),
            ("iqn.2001-04-com.example", IqnFormat),
            ("iqn.2001-04", IqnFormat),
            ("iqn.", IqnDate),
            ("iqn.2001-4.com.example", IqnMonth),
            ("iqn.200104.com.example", IqnDate),
            ("iqn.20a1-04.com.example", IqnYear),
            ("iqn.2001-00.com.example", IqnMonth),
            ("iqn.2001-13.com.example", IqnMonth),
            ("iqn.2001-04.com.example:", IqnSubdomain),
            ("iqn.2001-04.com.example:a:", IqnSubdomain),
            ("iqn.2001-04.", IqnDomain),
            ("iqn.2001-04.com", IqnDomain),
            ("iqn.2001-04.com:disk", IqnDomain),
            ("iqn.2001-04.c.example", IqnDomain),
            ("iqn.2001-04.com.", IqnDomain),
            ("iqn.2001-04.com..example", IqnDomain),
            ("iqn.2001-04.:com.example", IqnDomain),
            ("eui.02004567a425678", EuiFormat),
            ("eui.02004567a425678d0", EuiFormat),
            ("eui.02004567a425678g", EuiFormat),
            ("naa.52004567ba64678", NaaFormat),
            ("naa.52004567ba64678d01234567", NaaFormat),
            ("naa.52004567ba64678z", NaaFormat),
        ] {
            assert_eq!(IscsiName::parse(name), Err(error), "{name}");
        }
    }

    #[test]
    fn the_longest_name_has_223_bytes() {
        let mut name = String::from("iqn.2001-04.com.example:");
        name.extend(core::iter::repeat_n('x', MAX_NAME_BYTES - name.len()));
        assert_eq!(IscsiName::parse(&name).unwrap().as_str(), name);
        name.push('x');
        assert_eq!(IscsiName::parse(&name), Err(NameError::TooLong));
    }

    #[test]
    fn every_cut_of_a_name_is_answered() {
        let name = "iqn.2001-04.com.example:disk";
        for end in 0..name.len() {
            let _ = IscsiName::parse(&name[..end]);
        }
        assert!(IscsiName::parse(&name[.."iqn.2001-04.com.e".len()]).is_ok());
    }

    #[test]
    fn an_alias_may_be_empty_or_use_all_of_its_223_bytes() {
        assert!(Alias::parse("").unwrap().is_empty());
        assert_eq!(Alias::parse("büro 7").unwrap().as_str(), "büro 7");
        let longest = "x".repeat(MAX_ALIAS_BYTES);
        assert_eq!(Alias::parse(&longest).unwrap().as_str(), longest);
        let beyond = "x".repeat(MAX_ALIAS_BYTES + 1);
        assert_eq!(Alias::parse(&beyond), Err(AliasError::TooLong));
        assert_eq!(Alias::parse(&"x".repeat(300)), Err(AliasError::TooLong));
        assert_eq!(
            Alias::parse("a\u{1b}[2J"),
            Err(AliasError::InvalidCharacter)
        );
    }
}
