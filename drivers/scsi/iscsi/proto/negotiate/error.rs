// SPDX-License-Identifier: GPL-2.0

//! The ways in which a target can break a negotiation.

use core::fmt;

use crate::proto::{
    keys::Key,
    text::{
        self,
        Excerpt, //
    }, //
};

/// Why a negotiation failed: one variant for each rule of RFC 7143 sections 6.2 and 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationError {
    /// The key was sent twice (section 6.3).
    Repeated(Key),
    /// The key does not belong to the current stage (section 6.3).
    WrongStage(Key),
    /// Targets do not send this key during login.
    NotForTargets(Key),
    /// The key is only for the leading connection (section 13).
    LeadingOnly(Key),
    /// `NotUnderstood` for a key that every implementation has to know (section 6.2).
    NotUnderstood(Key),
    /// `Reject`, and the value without negotiation is none that we could accept.
    Rejected(Key),
    /// `Irrelevant`, but the other values do not make it so.
    Irrelevant(Key),
    /// The value is not of the key's type.
    Malformed {
        /// The key.
        key: Key,
        /// Its value.
        got: Excerpt,
    },
    /// The value is longer than any value may be (section 6.1).
    ValueTooLong(Key),
    /// The number is outside the key's range.
    OutOfRange {
        /// The key.
        key: Key,
        /// Its value.
        got: u64,
        /// The smallest legal value.
        min: u32,
        /// The largest legal value.
        max: u32,
    },
    /// The result function is Minimum, and the answer exceeds the offer.
    AboveOffer {
        /// The key.
        key: Key,
        /// The answer.
        got: u32,
        /// The offer.
        offered: u32,
    },
    /// The result function is Maximum, and the answer is less than the offer.
    BelowOffer {
        /// The key.
        key: Key,
        /// The answer.
        got: u32,
        /// The offer.
        offered: u32,
    },
    /// The answer is not a possible result of the Boolean offer.
    BooleanResult {
        /// The key.
        key: Key,
        /// The answer; the offer was its opposite.
        got: bool,
    },
    /// The answer is not in the offered list (section 6.2.1).
    NotOffered {
        /// The key.
        key: Key,
        /// The answer.
        got: Excerpt,
        /// The list.
        offered: &'static str,
    },
    /// A word that is reserved for answers, for a key that we did not send.
    UnaskedAnswer {
        /// The key.
        key: Key,
        /// The word.
        got: Excerpt,
    },
    /// The target proposes something in a response that we cannot answer in the same stage
    /// (section 11.13.6).
    AnswerNeeded(Key),
    /// The target proposes a list of which we may use nothing.
    NoCommonValue(Key),
    /// The stage ended without the answer.
    Unanswered(Key),
    /// FirstBurstLength exceeds MaxBurstLength (section 13.14).
    FirstBurstAboveMaxBurst {
        /// FirstBurstLength.
        first: u32,
        /// MaxBurstLength.
        max: u32,
    },
    /// Several outstanding R2Ts with DataSequenceInOrder=Yes and error recovery (section 13.19).
    OutstandingR2tWithRecovery {
        /// MaxOutstandingR2T.
        outstanding: u32,
        /// ErrorRecoveryLevel.
        level: u32,
    },
    /// The answers to the keys of the target do not fit into the request.
    AnswersTooLong,
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Repeated(key) => write!(f, "target sent {key} twice"),
            Self::WrongStage(key) => write!(f, "target sent {key} in the wrong login stage"),
            Self::NotForTargets(key) => {
                write!(f, "target sent {key}, which targets do not send at login")
            }
            Self::LeadingOnly(key) => write!(
                f,
                "target sent {key}, which belongs to the first connection of a session"
            ),
            Self::NotUnderstood(key) => write!(f, "target does not understand {key}"),
            Self::Rejected(key) => write!(f, "target rejected the offered {key}"),
            Self::Irrelevant(key) => {
                write!(f, "target called {key} irrelevant, which it is not")
            }
            Self::Malformed { key, got } => write!(f, "target sent a malformed {key}={got}"),
            Self::ValueTooLong(key) => write!(
                f,
                "target sent a value of more than {} bytes for {key}",
                text::MAX_VALUE_BYTES
            ),
            Self::OutOfRange { key, got, min, max } => {
                write!(f, "target sent {key}={got} outside {min} to {max}")
            }
            Self::AboveOffer { key, got, offered } => {
                write!(f, "target answered {key}={got} above the offered {offered}")
            }
            Self::BelowOffer { key, got, offered } => {
                write!(f, "target answered {key}={got} below the offered {offered}")
            }
            Self::BooleanResult { key, got } => write!(
                f,
                "target answered {key}={} to the offered {}",
                text::boolean(got),
                text::boolean(!got)
            ),
            Self::NotOffered { key, got, offered } => {
                write!(f, "target answered {key}={got}, offered was {offered}")
            }
            Self::UnaskedAnswer { key, got } => {
                write!(f, "target answered {key}={got}, which was not asked")
            }
            Self::AnswerNeeded(key) => {
                write!(f, "target proposed {key} and left the login stage")
            }
            Self::NoCommonValue(key) => write!(f, "target proposed no usable {key}"),
            Self::Unanswered(key) => write!(f, "target left {key} unanswered"),
            Self::FirstBurstAboveMaxBurst { first, max } => write!(
                f,
                "target answered FirstBurstLength={first} above MaxBurstLength={max}"
            ),
            Self::OutstandingR2tWithRecovery { outstanding, level } => write!(
                f,
                "target answered MaxOutstandingR2T={outstanding} with ErrorRecoveryLevel={level}"
            ),
            Self::AnswersTooLong => {
                write!(f, "target sent more keys than can be answered")
            }
        }
    }
}
