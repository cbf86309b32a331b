// SPDX-License-Identifier: GPL-2.0

//! The macros behind the tables of headers and codes, and the few functions they call.

use super::{
    Bhs,
    PduError,
    BHS_LEN, //
};

/// A value with a place of its own in a header, from byte `at` on.
pub(super) trait Field: Copy {
    /// Bytes it takes.
    const LEN: usize;

    /// Reads it; an error if the value must not stand there.
    fn load(bhs: &Bhs, at: usize) -> Result<Self, PduError>;

    /// Writes it.
    fn store(self, bhs: &mut Bhs, at: usize);
}

/// A value that shares a byte with others.
pub(super) trait Bits: Copy {
    /// Takes the value, moved to the lowest bits.
    fn from_bits(bits: u8) -> Self;

    /// The value in the lowest bits.
    fn into_bits(self) -> u8;
}

/// Which segments may follow a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Segments {
    /// None: TotalAHSLength and DataSegmentLength are 0.
    Bare,
    /// A data segment.
    Data,
    /// Additional header segments and a data segment.
    AhsAndData,
}

impl Segments {
    /// Marks the lengths that no field of the table stands for.
    pub(super) const fn claim(self, claims: Bhs) -> Bhs {
        match self {
            Self::Bare => claim(claims, 4, 4),
            Self::Data => claim(claims, 4, 1),
            Self::AhsAndData => claims,
        }
    }

    /// Refuses lengths of segments that this kind of PDU has not.
    ///
    /// RFC 7143 sections 11.2.1.5 and 11.2.1.6: both "MUST be 0" then.
    pub(super) fn check(self, bhs: &Bhs) -> Result<(), PduError> {
        if self != Self::AhsAndData && super::total_ahs_length(bhs) != 0 {
            return Err(PduError::UnexpectedAhs);
        }
        if self == Self::Bare && super::data_segment_length(bhs) != 0 {
            return Err(PduError::UnexpectedData);
        }
        Ok(())
    }
}

/// The `N` bytes from `at` on. Callers' offsets are constants that [`claim`] has checked.
#[inline]
pub(super) fn take<const N: usize>(bhs: &Bhs, at: usize) -> [u8; N] {
    match bhs.get(at..).and_then(<[u8]>::first_chunk::<N>) {
        Some(bytes) => *bytes,
        None => [0; N],
    }
}

/// Writes `bytes` from `at` on. Callers' offsets are constants that [`claim`] has checked.
#[inline]
pub(super) fn put<const N: usize>(bhs: &mut Bhs, at: usize, bytes: [u8; N]) {
    if let Some(place) = bhs.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>) {
        *place = bytes;
    }
}

/// The bits of byte `at` under `mask`, moved to the lowest bits.
#[inline]
pub(super) fn take_bits(bhs: &Bhs, at: usize, mask: u8) -> u8 {
    let [byte] = take::<1>(bhs, at);
    (byte & mask) >> (mask.trailing_zeros() & 7)
}

/// Sets the bits of byte `at` under `mask`; bits of the value beyond the mask are dropped.
#[inline]
pub(super) fn put_bits(bhs: &mut Bhs, at: usize, mask: u8, bits: u8) {
    let [byte] = take::<1>(bhs, at);
    let moved = (bits << (mask.trailing_zeros() & 7)) & mask;
    put(bhs, at, [(byte & !mask) | moved]);
}

/// Marks bytes as spoken for. Evaluated at compile time, where a panic is a compile error.
pub(super) const fn claim(claims: Bhs, at: usize, len: usize) -> Bhs {
    let mut claims = claims;
    let mut i = at;
    while i < at + len {
        claims = claim_bits(claims, i, 0xff);
        i += 1;
    }
    claims
}

/// Marks bits of one byte as spoken for. Evaluated at compile time, where a panic is a compile
/// error.
pub(super) const fn claim_bits(claims: Bhs, at: usize, mask: u8) -> Bhs {
    let mut claims = claims;
    assert!(at < BHS_LEN, "field passes the end of the header");
    assert!(claims[at] & mask == 0, "fields overlap");
    claims[at] |= mask;
    claims
}

/// Declares a header once: from the table come the struct, `parse`, `write` and a proof that no
/// field overlaps another or passes the end.
///
/// `field @ byte: Type` takes whole bytes, `field @ byte & mask: Type` shares one. `fixed` bytes
/// are written as given and ignored on receipt, like everything the table does not name, which is
/// written as 0. `refuse` lists what a well-formed header must not say, and the error for it.
macro_rules! pdu {
    (
        $(#[$doc:meta])*
        $name:ident = $opcode:ident + $segments:ident {
            $(
                $(#[$field_doc:meta])*
                $field:ident @ $at:literal $(& $mask:literal)? : $ty:ty
            ),* $(,)?
        }
        $(fixed { $($fixed_at:literal $(& $fixed_mask:literal)? = $fixed:expr),* $(,)? })?
        $(refuse |$header:ident| { $($wrong:expr => $error:expr),* $(,)? })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl $name {
            /// The opcode of this PDU.
            pub const OPCODE: $crate::proto::pdu::Opcode = $crate::proto::pdu::Opcode::$opcode;

            /// The bits of the header that mean something; all others are written as 0 and ignored
            /// on receipt. Computing them proves that no two fields share a bit.
            pub const DEFINED: $crate::proto::pdu::Bhs = {
                let claims = [0; $crate::proto::pdu::BHS_LEN];
                let claims = $crate::proto::pdu::table::claim_bits(claims, 0, 0x3f);
                // TotalAHSLength and DataSegmentLength are looked at even where they must be 0.
                let claims = $crate::proto::pdu::table::Segments::$segments.claim(claims);
                $(let claims = pdu!(@claim claims, $ty, $at $(, $mask)?);)*
                $($(pdu!(@claim_fixed claims, $fixed, $fixed_at $(, $fixed_mask)?);)*)?
                claims
            };

            /// Reads a header.
            ///
            /// # Errors
            ///
            /// One [`PduError`] per rule of RFC 7143 section 11 that the header breaks by itself.
            pub fn parse(
                bhs: &$crate::proto::pdu::Bhs,
            ) -> Result<Self, $crate::proto::pdu::PduError> {
                let opcode = $crate::proto::pdu::opcode(bhs);
                if opcode != Self::OPCODE {
                    return Err($crate::proto::pdu::PduError::WrongOpcode(opcode));
                }
                $crate::proto::pdu::table::Segments::$segments.check(bhs)?;
                let header = Self {
                    $($field: pdu!(@load bhs, $ty, $at $(, $mask)?),)*
                };
                $($(
                    let $header = &header;
                    if $wrong {
                        return Err($error);
                    }
                )*)?
                Ok(header)
            }

            /// Writes all 48 bytes of the header.
            pub fn write(&self, bhs: &mut $crate::proto::pdu::Bhs) {
                *bhs = [0; $crate::proto::pdu::BHS_LEN];
                $crate::proto::pdu::table::put_bits(bhs, 0, 0x3f, Self::OPCODE.get());
                $($(pdu!(@fix bhs, $fixed, $fixed_at $(, $fixed_mask)?);)*)?
                $(pdu!(@store bhs, self.$field, $ty, $at $(, $mask)?);)*
            }

            /// The header as bytes.
            pub fn to_bytes(&self) -> $crate::proto::pdu::Bhs {
                let mut bhs = [0; $crate::proto::pdu::BHS_LEN];
                self.write(&mut bhs);
                bhs
            }
        }

    };

    (@load $bhs:ident, $ty:ty, $at:literal) => {
        <$ty as $crate::proto::pdu::table::Field>::load($bhs, $at)?
    };
    (@load $bhs:ident, $ty:ty, $at:literal, $mask:literal) => {
        <$ty as $crate::proto::pdu::table::Bits>::from_bits(
            $crate::proto::pdu::table::take_bits($bhs, $at, $mask),
        )
    };
    (@store $bhs:ident, $value:expr, $ty:ty, $at:literal) => {
        <$ty as $crate::proto::pdu::table::Field>::store($value, $bhs, $at)
    };
    (@store $bhs:ident, $value:expr, $ty:ty, $at:literal, $mask:literal) => {
        $crate::proto::pdu::table::put_bits(
            $bhs,
            $at,
            $mask,
            <$ty as $crate::proto::pdu::table::Bits>::into_bits($value),
        )
    };
    (@claim $claims:ident, $ty:ty, $at:literal) => {
        $crate::proto::pdu::table::claim(
            $claims,
            $at,
            <$ty as $crate::proto::pdu::table::Field>::LEN,
        )
    };
    (@claim $claims:ident, $ty:ty, $at:literal, $mask:literal) => {
        $crate::proto::pdu::table::claim_bits($claims, $at, $mask)
    };
    (@fix $bhs:ident, $value:expr, $at:literal) => {
        $crate::proto::pdu::table::put($bhs, $at, $value)
    };
    (@fix $bhs:ident, $value:expr, $at:literal, $mask:literal) => {
        $crate::proto::pdu::table::put_bits($bhs, $at, $mask, $value)
    };
    (@claim_fixed $claims:ident, $value:expr, $at:literal) => {
        // Checked only: fixed bytes are ignored on receipt.
        let _ = $crate::proto::pdu::table::claim($claims, $at, $value.len());
    };
    (@claim_fixed $claims:ident, $value:expr, $at:literal, $mask:literal) => {
        let _ = $crate::proto::pdu::table::claim_bits($claims, $at, $mask);
    };
}

/// Declares a code: a number of which some values have a name.
///
/// Every value the peer may send survives, so that a log can show the number; `name` tells those
/// that have a meaning from reserved ones.
macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $name:ident($repr:ty) {
            $($(#[$code_doc:meta])* $code:ident = $value:literal $text:literal,)*
        }
    )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name($repr);

        impl $name {
            $($(#[$code_doc])* pub const $code: Self = Self($value);)*

            /// All values with a name, as the RFC lists them.
            pub const NAMED: &'static [(Self, &'static str)] = &[$((Self::$code, $text)),*];

            /// Takes the number as it stands on the wire.
            pub const fn new(value: $repr) -> Self {
                Self(value)
            }

            /// The number as it stands on the wire.
            pub const fn get(self) -> $repr {
                self.0
            }

            /// What the value means; `None` if it is reserved, unassigned or vendor-specific.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$code => Some($text),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#04x}", self.0),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#04x}"), self.0)?;
                if let Some(name) = self.name() {
                    write!(f, " {name}")?;
                }
                f.write_str(")")
            }
        }
    )* };
}
