// SPDX-License-Identifier: GPL-2.0

//! The values that stand in headers: tags, names of units and sessions, lengths.

use super::{
    table::{
        put,
        take,
        Bits,
        Field, //
    },
    Bhs,
    PduError, //
};
use crate::proto::sn::{
    CmdSn,
    DataSn,
    R2tSn,
    StatSn, //
};

/// The tag value that stands for "none", RFC 7143 section 11.2.1.8.
const RESERVED_TAG: u32 = 0xffff_ffff;

/// Names a task of the initiator, RFC 7143 section 11.2.1.8.
///
/// # Invariants
///
/// Not 0xffffffff: where a header may go without a task, the field is an `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Itt(u32);

/// Names a transfer of the target, RFC 7143 sections 11.7.4 and 11.8.5.
///
/// # Invariants
///
/// Not 0xffffffff: where a header may go without a transfer, the field is an `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ttt(u32);

/// Implements a tag type: a 32-bit number with one reserved value.
macro_rules! tag {
    ($name:ident, $error:ident) => {
        impl $name {
            /// Takes the tag as it stands on the wire; `None` for the reserved 0xffffffff.
            pub const fn new(value: u32) -> Option<Self> {
                if value == RESERVED_TAG {
                    None
                } else {
                    // INVARIANT: checked on the line above.
                    Some(Self(value))
                }
            }

            /// The tag as it stands on the wire.
            pub const fn get(self) -> u32 {
                self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{:#010x}", self.0)
            }
        }

        impl Field for $name {
            const LEN: usize = 4;

            #[inline]
            fn load(bhs: &Bhs, at: usize) -> Result<Self, PduError> {
                Self::new(u32::from_be_bytes(take(bhs, at))).ok_or(PduError::$error)
            }

            #[inline]
            fn store(self, bhs: &mut Bhs, at: usize) {
                put(bhs, at, self.0.to_be_bytes());
            }
        }

        impl Field for Option<$name> {
            const LEN: usize = 4;

            #[inline]
            fn load(bhs: &Bhs, at: usize) -> Result<Self, PduError> {
                Ok($name::new(u32::from_be_bytes(take(bhs, at))))
            }

            #[inline]
            fn store(self, bhs: &mut Bhs, at: usize) {
                let value = self.map_or(RESERVED_TAG, $name::get);
                put(bhs, at, value.to_be_bytes());
            }
        }
    };
}

tag!(Itt, ReservedItt);
tag!(Ttt, ReservedTtt);

/// Names a logical unit, in the eight bytes of SAM, RFC 7143 section 11.2.1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Lun(pub [u8; 8]);

impl Lun {
    /// Logical unit 0, and what stands in a reserved LUN field.
    pub const ZERO: Self = Self([0; 8]);

    /// Converts from the form the kernel and `lsscsi` use: the first of the four levels in the
    /// lowest 16 bits.
    pub const fn from_number(number: u64) -> Self {
        let [d1, d0, c1, c0, b1, b0, a1, a0] = number.to_be_bytes();
        Self([a1, a0, b1, b0, c1, c0, d1, d0])
    }

    /// Converts to the form the kernel and `lsscsi` use: the first of the four levels in the
    /// lowest 16 bits.
    pub const fn number(self) -> u64 {
        let [a1, a0, b1, b0, c1, c0, d1, d0] = self.0;
        u64::from_be_bytes([d1, d0, c1, c0, b1, b0, a1, a0])
    }
}

/// The initiator's part of a session's name, RFC 7143 section 11.12.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isid(pub [u8; 6]);

impl Isid {
    /// An ISID of the "Random" format: a random 24-bit number and a qualifier.
    pub const fn random(random: [u8; 3], qualifier: u16) -> Self {
        let ([b1, b0, c], [d1, d0]) = (random, qualifier.to_be_bytes());
        Self([0x80, b1, b0, c, d1, d0])
    }
}

impl core::fmt::Display for Isid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The target's part of a session's name, RFC 7143 section 11.12.6.
///
/// # Invariants
///
/// Not 0, which asks for a new session: there the field is an `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tsih(u16);

impl Tsih {
    /// Takes the handle as it stands on the wire; `None` for the reserved 0.
    pub const fn new(value: u16) -> Option<Self> {
        if value == 0 {
            None
        } else {
            // INVARIANT: checked on the line above.
            Some(Self(value))
        }
    }

    /// The handle as it stands on the wire.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// Names a connection within its session, RFC 7143 section 11.12.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Cid(pub u16);

/// Length of a data segment in bytes, without padding: 0 ..= 2^24-1, RFC 7143 section 11.2.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SegmentLen(u32);

impl SegmentLen {
    /// No data segment.
    pub const ZERO: Self = Self(0);

    /// The longest data segment a header can announce.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// Takes a length in bytes; `None` beyond 2^24-1.
    pub const fn new(len: u32) -> Option<Self> {
        if len > Self::MAX.0 {
            None
        } else {
            Some(Self(len))
        }
    }

    /// Takes a length in bytes, cut off at 2^24-1.
    pub const fn at_most(len: u32) -> Self {
        if len > Self::MAX.0 {
            Self::MAX
        } else {
            Self(len)
        }
    }

    /// The length in bytes.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The bytes of padding behind the segment: 0 ..= 3.
    pub const fn padding(self) -> u32 {
        super::padding(self.0)
    }
}

impl Field for SegmentLen {
    const LEN: usize = 3;

    #[inline]
    fn load(bhs: &Bhs, at: usize) -> Result<Self, PduError> {
        let [b2, b1, b0] = take(bhs, at);
        Ok(Self(u32::from_be_bytes([0, b2, b1, b0])))
    }

    #[inline]
    fn store(self, bhs: &mut Bhs, at: usize) {
        let [_, b2, b1, b0] = self.0.to_be_bytes();
        put(bhs, at, [b2, b1, b0]);
    }
}

/// Whether a request waits for its turn, RFC 7143 sections 4.2.2.1 and 11.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the order of CmdSN, which it uses up.
    Ordered,
    /// At once, marked by the I bit; CmdSN does not advance.
    Immediate,
}

impl Bits for Delivery {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Ordered,
            _ => Self::Immediate,
        }
    }

    fn into_bits(self) -> u8 {
        match self {
            Self::Ordered => 0,
            Self::Immediate => 1,
        }
    }
}

impl Bits for bool {
    fn from_bits(bits: u8) -> Self {
        bits != 0
    }

    fn into_bits(self) -> u8 {
        self.into()
    }
}

/// Implements [`Field`] for a type by way of an array of bytes.
macro_rules! field {
    ($($ty:ty, $len:literal: $from:expr, $into:expr;)*) => { $(
        impl Field for $ty {
            const LEN: usize = $len;

            #[inline]
            fn load(bhs: &Bhs, at: usize) -> Result<Self, PduError> {
                Ok($from(take::<$len>(bhs, at)))
            }

            #[inline]
            fn store(self, bhs: &mut Bhs, at: usize) {
                put::<$len>(bhs, at, $into(self));
            }
        }
    )* };
}
pub(super) use field;

field! {
    u8, 1: u8::from_be_bytes, u8::to_be_bytes;
    u16, 2: u16::from_be_bytes, u16::to_be_bytes;
    u32, 4: u32::from_be_bytes, u32::to_be_bytes;
    [u8; 16], 16: core::convert::identity, core::convert::identity;
    Lun, 8: Lun, |lun: Lun| lun.0;
    Isid, 6: Isid, |isid: Isid| isid.0;
    Cid, 2: |raw| Cid(u16::from_be_bytes(raw)), |cid: Cid| cid.0.to_be_bytes();
    Option<Tsih>, 2: |raw| Tsih::new(u16::from_be_bytes(raw)),
        |tsih: Option<Tsih>| tsih.map_or(0, Tsih::get).to_be_bytes();
    CmdSn, 4: |raw| CmdSn::new(u32::from_be_bytes(raw)), |sn: CmdSn| sn.get().to_be_bytes();
    StatSn, 4: |raw| StatSn::new(u32::from_be_bytes(raw)), |sn: StatSn| sn.get().to_be_bytes();
    DataSn, 4: |raw| DataSn::new(u32::from_be_bytes(raw)), |sn: DataSn| sn.get().to_be_bytes();
    R2tSn, 4: |raw| R2tSn::new(u32::from_be_bytes(raw)), |sn: R2tSn| sn.get().to_be_bytes();
}
