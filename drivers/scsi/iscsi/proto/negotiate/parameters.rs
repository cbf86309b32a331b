// SPDX-License-Identifier: GPL-2.0

//! The login parameters: what we ask for, and what came out.

use core::fmt;

use crate::proto::{
    keys::{
        for_each_key,
        Digest,
        DigestOffer,
        Key,
        Value,
        ValueError, //
    },
    text::{
        Label,
        MAX_VALUE_BYTES, //
    }, //
};

/// The type of an offered value.
macro_rules! offer_type {
    (number) => {
        u32
    };
    (boolean) => {
        bool
    };
    (digest) => {
        DigestOffer
    };
}

/// The type of an agreed value.
macro_rules! agreed_type {
    (number) => {
        u32
    };
    (boolean) => {
        bool
    };
    (digest) => {
        Digest
    };
}

/// The value without negotiation, as the table writes it.
macro_rules! default_value {
    (number { $min:expr, $max:expr, $default:expr, $unit:ident }) => { $default };
    (boolean { $default:expr }) => { $default };
    (digest {} $type:ident) => { $type::None };
    ($kind:ident $args:tt $type:ident) => { default_value!($kind $args) };
}

/// Wraps a field into a [`Value`].
macro_rules! to_value {
    (number $field:expr) => {
        Value::Number($field)
    };
    (boolean $field:expr) => {
        Value::Boolean($field)
    };
    (digest $field:expr) => {
        Value::Digest($field.into())
    };
}

/// Unwraps a [`Value`] of the right kind into a field of an offer.
macro_rules! from_value {
    (number $value:expr, $field:expr) => {
        if let Value::Number(number) = $value {
            $field = number;
        }
    };
    (boolean $value:expr, $field:expr) => {
        if let Value::Boolean(value) = $value {
            $field = value;
        }
    };
    (digest $value:expr, $field:expr) => {
        if let Value::Digest(offer) = $value {
            $field = offer;
        }
    };
}

/// Unwraps an agreed value of the right kind into a field of the result.
macro_rules! from_agreed {
    (number $value:expr, $field:expr) => {
        if let Agreed::Number(number) = $value {
            $field = number;
        }
    };
    (boolean $value:expr, $field:expr) => {
        if let Agreed::Boolean(value) = $value {
            $field = value;
        }
    };
    (digest $value:expr, $field:expr) => {
        if let Agreed::Digest(digest) = $value {
            $field = digest;
        }
    };
}

/// Makes the parameter structs out of the table of keys.
macro_rules! define_parameters {
    (
        values { $(
            $(#[$doc:meta])*
            $key:ident $field:ident: $kind:ident $args:tt => $rule:ident,
            uses $uses:tt, $stage:ident, $scope:ident, $irrelevant:ident, $section:literal,
            param $param:tt;
        )* }
        others $others:tt
    ) => {
        /// What we ask for at login. The default is that of RFC 7143 section 13.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Offer {
            $( $(#[$doc])* pub $field: offer_type!($kind), )*
        }

        impl Default for Offer {
            fn default() -> Self {
                Self { $( $field: default_value!($kind $args DigestOffer), )* }
            }
        }

        impl Offer {
            /// The value of a parameter; `None` if the key is not one.
            pub fn get(&self, key: Key) -> Option<Value> {
                match key {
                    $( Key::$key => Some(to_value!($kind self.$field)), )*
                    _ => None,
                }
            }

            /// Sets a parameter.
            ///
            /// # Errors
            ///
            /// As [`KeySpec::check`]; nothing is changed then. How parameters fit together is not
            /// looked at: that is [`check`](Self::check).
            pub fn set(&mut self, key: Key, value: Value) -> Result<(), ValueError> {
                key.spec().check(value)?;
                match key {
                    $( Key::$key => from_value!($kind value, self.$field), )*
                    _ => return Err(ValueError::WrongKind(key)),
                }
                Ok(())
            }
        }

        /// The parameters of a connection after login.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Negotiated {
            $( $(#[$doc])* pub $field: agreed_type!($kind), )*
            /// The longest data segment, in bytes, that the target receives;
            /// `max_recv_data_segment_length` is ours.
            pub target_max_recv_data_segment_length: u32,
            /// The portal group that serves the connection, if the target named it.
            pub target_portal_group_tag: Option<u16>,
            /// What people call the target; empty if it did not say.
            pub target_alias: Label<MAX_VALUE_BYTES>,
        }

        impl Default for Negotiated {
            fn default() -> Self {
                Self {
                    $( $field: default_value!($kind $args Digest), )*
                    target_max_recv_data_segment_length: DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH,
                    target_portal_group_tag: None,
                    target_alias: Label::EMPTY,
                }
            }
        }

        impl Negotiated {
            /// The value of a parameter; `None` if the key is not one.
            pub fn get(&self, key: Key) -> Option<Value> {
                match key {
                    $( Key::$key => Some(to_value!($kind self.$field)), )*
                    _ => None,
                }
            }

            pub(super) fn set(&mut self, key: Key, value: Agreed) {
                match key {
                    $( Key::$key => from_agreed!($kind value, self.$field), )*
                    _ => {}
                }
            }
        }
    };
}

for_each_key!(define_parameters);

/// What a receiver takes before it declared anything, and all through login, in bytes
/// (RFC 7143 sections 6.3 and 13.12).
pub const DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH: u32 = 8192;

/// Why an offer must not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// A value is not one the key can have.
    Value(ValueError),
    /// FirstBurstLength exceeds MaxBurstLength (RFC 7143 section 13.14).
    FirstBurstAboveMaxBurst,
    /// With a recovery level and DataSequenceInOrder=Yes only one R2T may be outstanding
    /// (RFC 7143 section 13.19).
    OutstandingR2tWithRecovery,
}

impl Offer {
    /// Checks each value, and that the values fit together.
    ///
    /// # Errors
    ///
    /// [`OfferError`] says what does not fit.
    pub fn check(&self) -> Result<(), OfferError> {
        for &key in Key::VALUES {
            if let Some(value) = self.get(key) {
                key.spec().check(value).map_err(OfferError::Value)?;
            }
        }
        if self.first_burst_length > self.max_burst_length {
            return Err(OfferError::FirstBurstAboveMaxBurst);
        }
        if self.error_recovery_level > 0
            && self.data_sequence_in_order
            && self.max_outstanding_r2t > 1
        {
            return Err(OfferError::OutstandingR2tWithRecovery);
        }
        Ok(())
    }
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(error) => error.fmt(f),
            Self::FirstBurstAboveMaxBurst => {
                f.write_str("FirstBurstLength must not exceed MaxBurstLength")
            }
            Self::OutstandingR2tWithRecovery => f.write_str(
                "MaxOutstandingR2T must be 1 with error recovery and DataSequenceInOrder=Yes",
            ),
        }
    }
}

/// One agreed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    Number(u32),
    Boolean(bool),
    Digest(Digest),
}
