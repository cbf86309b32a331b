// SPDX-License-Identifier: GPL-2.0

//! The ways in which a login can fail.

use core::fmt;

use crate::proto::{
    login::{
        MAX_EXCHANGES,
        MAX_RECEIVED_BYTES,
        MAX_SEGMENT_BYTES, //
    },
    negotiate::{
        NegotiationError,
        OfferError, //
    },
    pdu::{
        Isid,
        Itt,
        LoginStatus,
        LoginStatusClass,
        SegmentLen,
        Stage,
        Tsih, //
    },
    sn::StatSn,
    text::{
        TextError,
        WriteError, //
    }, //
};

/// Why a login failed. `Display` makes one sentence of it, without a full stop or a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// The target refused, with a status other than success or redirection (RFC 7143 section
    /// 11.13.5).
    Refused(LoginStatus),
    /// A redirection without a usable TargetAddress (section 11.13.5).
    RedirectAddress(LoginStatus),
    /// The text is not a sequence of key=value pairs (section 6.1).
    Text(TextError),
    /// The keys do not follow the rules (sections 6.2 and 13).
    Negotiation(NegotiationError),
    /// The response is to another request (section 6.3).
    WrongItt {
        /// Its tag.
        got: Itt,
        /// Ours.
        expected: Itt,
    },
    /// The response is about another session (section 11.13).
    WrongIsid {
        /// Its ISID.
        got: Isid,
        /// Ours.
        expected: Isid,
    },
    /// The TSIH changed, or is not that of the session we join (section 11.13.3).
    WrongTsih {
        /// The TSIH of the response.
        got: Option<Tsih>,
        /// What it was, or has to be.
        expected: Option<Tsih>,
    },
    /// The last response does not name the new session (section 11.13.3).
    NoTsih,
    /// The active version is not 0 (section 11.13.2).
    WrongVersion(u8),
    /// StatSN does not count the responses (section 11.13.4).
    WrongStatSn {
        /// The StatSN of the response.
        got: StatSn,
        /// One more than that of the response before.
        expected: StatSn,
    },
    /// The response belongs to another stage than the request (section 6.3).
    WrongStage {
        /// CSG of the response.
        got: Stage,
        /// CSG of the request.
        expected: Stage,
    },
    /// The target chose a stage that we did not ask for (section 6.3).
    WrongNextStage {
        /// NSG of the response.
        got: Stage,
        /// NSG of the request.
        expected: Stage,
    },
    /// The T bit in answer to a request without it (section 11.13.6).
    TransitUnasked,
    /// The T bit together with the C bit (section 11.13.7).
    TransitWithContinue,
    /// Text from the target before ours was complete (section 6.2).
    TextBeforeOurEnd,
    /// A data segment longer than may be sent during login (section 6.3).
    SegmentTooLong(SegmentLen),
    /// More continued text than we take (section 6.1).
    TextTooLong,
    /// The target does not come to an end (section 6.2).
    TooManyExchanges,
    /// Another portal group answers than the one configured (section 6.3.1).
    WrongPortalGroup {
        /// The tag, if the target named one.
        got: Option<u16>,
        /// The tag configured.
        expected: u16,
    },
    /// Our own offer contradicts itself.
    Offer(OfferError),
    /// A name or alias of ours cannot be sent.
    Names(WriteError),
    /// A fault of the caller.
    Misuse(Misuse),
}

/// What the caller of a login did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A normal session needs a target name.
    NoTargetName,
    /// The work buffer is too small.
    WorkTooSmall,
    /// There is no room for the data segment.
    NoDataBuffer,
    /// A response is due, or the login is over.
    NotOurTurn,
    /// A request is due, or the login is over.
    NotTheirTurn,
    /// The data is not as long as the header says.
    DataLength,
}

/// Whether to log in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No: it would end the same way until somebody changes a configuration.
    Never,
    /// Yes, after a while.
    Later,
}

impl LoginError {
    /// Whether to log in again (RFC 7143 section 11.13.5).
    pub const fn retry(&self) -> Retry {
        match self {
            // A target that is just being configured does not know its names yet.
            Self::Refused(
                LoginStatus::NOT_FOUND
                | LoginStatus::TARGET_REMOVED
                | LoginStatus::TOO_MANY_CONNECTIONS,
            ) => Retry::Later,
            Self::Refused(status) => match status.class() {
                LoginStatusClass::TargetError => Retry::Later,
                _ => Retry::Never,
            },
            Self::WrongPortalGroup { .. } | Self::Offer(_) | Self::Names(_) | Self::Misuse(_) => {
                Retry::Never
            }
            _ => Retry::Later,
        }
    }
}

/// The meaning of a status that is not success; codes without a name go by their class.
const fn status_text(status: LoginStatus) -> &'static str {
    match (status.name(), status.class()) {
        (Some(name), _) => name,
        (None, LoginStatusClass::InitiatorError) => "unknown initiator error",
        (None, LoginStatusClass::TargetError) => "unknown target error",
        (None, _) => "reserved status",
    }
}

impl From<WriteError> for LoginError {
    fn from(error: WriteError) -> Self {
        Self::Names(error)
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Refused(status) => write!(
                f,
                "target refused login: status {:#06x} ({})",
                status.get(),
                status_text(status)
            ),
            Self::RedirectAddress(status) => write!(
                f,
                "target redirected without a usable address: status {:#06x}",
                status.get()
            ),
            Self::Text(error) => write!(f, "target sent malformed login text: {error}"),
            Self::Negotiation(error) => error.fmt(f),
            Self::WrongItt { got, expected } => write!(
                f,
                "target answered task tag {:#010x} instead of {:#010x}",
                got.get(),
                expected.get()
            ),
            Self::WrongIsid { got, expected } => {
                write!(f, "target answered ISID {got} instead of {expected}")
            }
            Self::WrongTsih { got, expected } => write!(
                f,
                "target answered TSIH {} instead of {}",
                got.map_or(0, Tsih::get),
                expected.map_or(0, Tsih::get)
            ),
            Self::NoTsih => f.write_str("target accepted login without a TSIH"),
            Self::WrongVersion(version) => {
                write!(f, "target speaks protocol version {version} instead of 0")
            }
            Self::WrongStatSn { got, expected } => {
                write!(f, "target sent StatSN {got} instead of {expected}")
            }
            Self::WrongStage { got, expected } => {
                write!(f, "target answered login stage {got} instead of {expected}")
            }
            Self::WrongNextStage { got, expected } => {
                write!(
                    f,
                    "target chose next login stage {got} instead of {expected}"
                )
            }
            Self::TransitUnasked => f.write_str("target left the login stage without being asked"),
            Self::TransitWithContinue => {
                f.write_str("target left the login stage with text to follow")
            }
            Self::TextBeforeOurEnd => {
                f.write_str("target sent login text before it had all of ours")
            }
            Self::SegmentTooLong(len) => write!(
                f,
                "target sent a login data segment of {} bytes, allowed are {MAX_SEGMENT_BYTES}",
                len.get()
            ),
            Self::TextTooLong => write!(
                f,
                "target sent more than {MAX_RECEIVED_BYTES} bytes of login text at once"
            ),
            Self::TooManyExchanges => write!(
                f,
                "target did not end the login within {MAX_EXCHANGES} requests"
            ),
            Self::WrongPortalGroup {
                got: Some(got),
                expected,
            } => {
                write!(f, "target portal group tag is {got} instead of {expected}")
            }
            Self::WrongPortalGroup {
                got: None,
                expected,
            } => {
                write!(
                    f,
                    "target did not name its portal group tag, expected is {expected}"
                )
            }
            Self::Offer(error) => write!(f, "login parameters contradict: {error}"),
            Self::Names(WriteError::Full) => f.write_str("names and keys are too long to be sent"),
            Self::Names(WriteError::Null) => f.write_str("a name contains a null character"),
            Self::Misuse(misuse) => write!(f, "internal error in login: {misuse:?}"),
        }
    }
}
