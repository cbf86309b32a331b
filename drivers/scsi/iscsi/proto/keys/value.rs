// SPDX-License-Identifier: GPL-2.0

//! The values of the keys that become parameters.

use core::fmt;

use crate::proto::{
    keys::Key,
    text, //
};

/// A digest over headers or data, RFC 7143 section 13.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Digest {
    /// No digest.
    #[default]
    None,
    /// CRC32C.
    Crc32c,
}

impl Digest {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Crc32c => "CRC32C",
        }
    }

    /// The digest of this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Crc32c]
            .into_iter()
            .find(|digest| digest.as_str() == name)
    }
}

/// The digests to propose, in order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DigestOffer {
    /// No digest, or no login.
    #[default]
    None,
    /// CRC32C, or no login.
    Crc32c,
    /// CRC32C if the target can, else none.
    Crc32cThenNone,
    /// None unless the target insists on CRC32C.
    NoneThenCrc32c,
}

impl DigestOffer {
    /// All offers.
    pub const ALL: [Self; 4] = [
        Self::None,
        Self::Crc32c,
        Self::Crc32cThenNone,
        Self::NoneThenCrc32c,
    ];

    /// The list on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Crc32c => "CRC32C",
            Self::Crc32cThenNone => "CRC32C,None",
            Self::NoneThenCrc32c => "None,CRC32C",
        }
    }

    /// Whether the offer contains this digest.
    pub const fn contains(self, digest: Digest) -> bool {
        match digest {
            Digest::None => !matches!(self, Self::Crc32c),
            Digest::Crc32c => !matches!(self, Self::None),
        }
    }
}

impl From<Digest> for DigestOffer {
    fn from(digest: Digest) -> Self {
        match digest {
            Digest::None => Self::None,
            Digest::Crc32c => Self::Crc32c,
        }
    }
}

/// The value of a key that becomes a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u32),
    /// A truth value.
    Boolean(bool),
    /// Digests, or the one agreed on.
    Digest(DigestOffer),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(number) => number.fmt(f),
            Self::Boolean(value) => f.write_str(text::boolean(value)),
            Self::Digest(offer) => f.write_str(offer.as_str()),
        }
    }
}

/// Why a value cannot be that of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// The number is outside the key's range.
    OutOfRange {
        /// The key.
        key: Key,
        /// The smallest legal value.
        min: u32,
        /// The largest legal value.
        max: u32,
    },
    /// The key has values of another kind, or none.
    WrongKind(Key),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfRange { key, min, max } => {
                write!(f, "{key} must be between {min} and {max}")
            }
            Self::WrongKind(key) => write!(f, "{key} does not take a value of this kind"),
        }
    }
}
