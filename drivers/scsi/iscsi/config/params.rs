// SPDX-License-Identifier: GPL-2.0

//! Login parameters that are set for one target.

use crate::proto::{
    keys::{
        Input,
        Key,
        Value,
        LISTED, //
    },
    negotiate::{
        Offer,
        OfferError, //
    },
};
use core::fmt;

/// Login parameters that take the place of those that hold for all targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrides {
    /// What is set, in the order of `LISTED`. Each value has passed `check_input`.
    values: [Option<Value>; LISTED.len()],
}

impl Overrides {
    /// Nothing is set.
    pub(crate) const NONE: Self = Self {
        values: [None; LISTED.len()],
    };

    /// Sets a parameter.
    ///
    /// # Errors
    ///
    /// [`ParamError`] if the key is none, has values of another kind, or must not be set so.
    pub(crate) fn set(&mut self, key: Key, value: Value) -> Result<(), ParamError> {
        check_input(key, value)?;
        let listed = LISTED.iter().position(|listed| *listed == key);
        let slot = listed.and_then(|position| self.values.get_mut(position));
        *slot.ok_or(ParamError::WrongKind(key))? = Some(value);
        Ok(())
    }

    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// What a parameter is set to, if it is.
    pub(crate) fn get(&self, key: Key) -> Option<Value> {
        self.iter()
            .find_map(|(set, value)| (set == key).then_some(value))
    }

    /// What is set.
    fn iter(&self) -> impl Iterator<Item = (Key, Value)> {
        LISTED
            .into_iter()
            .zip(self.values)
            .filter_map(|(key, value)| Some((key, value?)))
    }

    /// These, and where they are silent those of `base`.
    pub(super) fn over(self, base: Self) -> Self {
        let mut result = self;
        for (value, below) in result.values.iter_mut().zip(base.values) {
            *value = value.or(below);
        }
        result
    }

    /// Puts what is set into an offer.
    ///
    /// # Errors
    ///
    /// [`ParamError`] if the result does not fit together. The offer is changed all the same.
    pub(super) fn apply(&self, offer: &mut Offer) -> Result<(), ParamError> {
        for (key, value) in self.iter() {
            offer
                .set(key, value)
                .map_err(|_| ParamError::WrongKind(key))?;
        }
        match offer.check() {
            Ok(()) => Ok(()),
            Err(OfferError::FirstBurstAboveMaxBurst) => Err(ParamError::FirstBurstAboveMaxBurst),
            Err(OfferError::OutstandingR2tWithRecovery) => {
                Err(ParamError::NotSupported(Key::MaxOutstandingR2T))
            }
            Err(OfferError::Value(_)) => Err(ParamError::Inconsistent),
        }
    }

    /// Names the side of a conflict that the change is about: it is first burst against max burst
    /// if the change sets the former.
    pub(super) fn blame(&self, error: ParamError) -> ParamError {
        let sets_first = self.iter().any(|(key, _)| key == Key::FirstBurstLength);
        match error {
            ParamError::FirstBurstAboveMaxBurst if !sets_first => {
                ParamError::MaxBurstBelowFirstBurst
            }
            other => other,
        }
    }
}

/// Why a login parameter cannot be set. `Display` is the sentence for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamError {
    /// A number outside what may be set.
    OutOfRange {
        /// The key.
        key: Key,
        /// The smallest number.
        min: u32,
        /// The largest number.
        max: u32,
    },
    /// The parameter has one value only.
    NotSupported(Key),
    /// The key is no parameter, or has values of another kind.
    WrongKind(Key),
    /// FirstBurstLength exceeds MaxBurstLength, RFC 7143 section 13.14.
    FirstBurstAboveMaxBurst,
    /// The same, caused by a change of MaxBurstLength.
    MaxBurstBelowFirstBurst,
    /// A value that passed its own check was refused by the offer: a bug of ours.
    Inconsistent,
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfRange { key, min, max } => {
                write!(f, "{key}: value must be between {min} and {max}")
            }
            Self::NotSupported(key) => write!(f, "{key}: setting it is not supported"),
            Self::WrongKind(key) => write!(f, "{key}: not a login parameter of this kind"),
            Self::FirstBurstAboveMaxBurst => {
                f.write_str("firstBurstLength must be less than or equal to than maxBurstLength")
            }
            Self::MaxBurstBelowFirstBurst => {
                f.write_str("maxBurstLength must be greater than or equal to firstBurstLength")
            }
            Self::Inconsistent => f.write_str("login parameters do not fit together"),
        }
    }
}

/// Checks a value against what the user may set a parameter to.
fn check_input(key: Key, value: Value) -> Result<(), ParamError> {
    let in_range = |number, min, max| {
        if (min..=max).contains(&number) {
            Ok(())
        } else {
            Err(ParamError::OutOfRange { key, min, max })
        }
    };
    match (key.spec().param.map(|param| param.input), value) {
        (Some(Input::Number { min, max }), Value::Number(number)) => in_range(number, min, max),
        (Some(Input::FixedNumber { min, max }), Value::Number(number)) => {
            in_range(number, min, max)?;
            Err(ParamError::NotSupported(key))
        }
        (Some(Input::Boolean), Value::Boolean(_)) | (Some(Input::Digest), Value::Digest(_)) => {
            Ok(())
        }
        _ => Err(ParamError::WrongKind(key)),
    }
}
