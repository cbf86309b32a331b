// SPDX-License-Identifier: GPL-2.0

//! Rules that a target breaks after the login: which one, with what came and what was due.

use core::fmt;

use crate::proto::{
    data_in::DataInError,
    data_out::R2tError,
    pdu::{
        Opcode,
        PduError, //
    },
    sn::StatSn, //
};

/// What a target must not do in the full feature phase: one variant per broken rule.
///
/// `Display` makes a part of a sentence of it, without a full stop or a newline. It shows numbers
/// and names of ours only, never bytes of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A header that is wrong by itself (RFC 7143 section 11).
    Pdu {
        /// The kind of PDU.
        opcode: Opcode,
        /// What is wrong with it.
        error: PduError,
    },
    /// Data of a read that do not continue those before (section 11.7).
    DataIn(DataInError),
    /// A request for data of a write that it cannot make (section 11.8).
    R2t(R2tError),
    /// A status that is not the next one (section 4.2.2.2).
    StatSn {
        /// The kind of PDU that brings it.
        opcode: Opcode,
        /// The number due.
        expected: StatSn,
        /// The number received.
        got: StatSn,
    },
    /// An answer to a kind of request that was not sent.
    Unasked(Opcode),
    /// An answer to a SCSI command, with the tag of a request of another kind (section 11.2.1.8).
    NoCommand(Opcode),
    /// Data for a command that reads none (section 11.7).
    NotARead,
    /// A request for data of a command that writes none (section 11.8).
    NotAWrite,
    /// More pings than we keep to be answered (section 11.19).
    TooManyPings {
        /// The most that are kept.
        limit: usize,
    },
    /// A Reject that does not say what it rejects (section 11.17).
    NothingRejected,
}

impl From<DataInError> for Violation {
    fn from(error: DataInError) -> Self {
        Self::DataIn(error)
    }
}

impl From<R2tError> for Violation {
    fn from(error: R2tError) -> Self {
        Self::R2t(error)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            // These name the kind themselves.
            Self::Pdu {
                error: error @ (PduError::UnexpectedOpcode(_) | PduError::WrongOpcode(_)),
                ..
            } => write!(f, "PDU with {error}"),
            Self::Pdu { opcode, error } => write!(f, "{opcode} with {error}"),
            Self::DataIn(error) => error.fmt(f),
            Self::R2t(error) => error.fmt(f),
            Self::StatSn {
                opcode,
                expected,
                got,
            } => write!(
                f,
                "{opcode} with StatSN {} instead of {}",
                got.get(),
                expected.get()
            ),
            Self::Unasked(opcode) => write!(f, "{opcode} that was not asked for"),
            Self::NoCommand(opcode) => {
                write!(f, "{opcode} for a request that is not a SCSI command")
            }
            Self::NotARead => f.write_str("Data-In for a command that does not read"),
            Self::NotAWrite => f.write_str("R2T for a command that does not write"),
            Self::TooManyPings { limit } => write!(f, "more than {limit} NOP-Ins at once"),
            Self::NothingRejected => f.write_str("Reject without the header that it rejects"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{
        pdu::ScsiStatus,
        sn::{
            DataSn,
            R2tSn, //
        }, //
    };

    #[track_caller]
    fn says(violation: impl Into<Violation>, sentence: &str) {
        assert_eq!(std::format!("{}", violation.into()), sentence);
    }

    fn pdu(opcode: Opcode, error: PduError) -> Violation {
        Violation::Pdu { opcode, error }
    }

    #[test]
    fn tells_what_came_and_what_was_due() {
        says(
            Violation::StatSn {
                opcode: Opcode::SCSI_RESPONSE,
                expected: StatSn::new(6),
                got: StatSn::new(u32::MAX),
            },
            "SCSI Response with StatSN 4294967295 instead of 6",
        );
        says(
            DataInError::OutOfOrder {
                expected: DataSn::new(4),
                got: DataSn::new(5),
            },
            "Data-In with DataSN 5 instead of 4",
        );
        says(
            DataInError::Gap {
                expected: 0,
                got: 512,
            },
            "Data-In at offset 512 instead of 0",
        );
        says(
            DataInError::BeyondExpectedLength {
                offset: u32::MAX,
                len: 512,
                expected: 65536,
            },
            "Data-In of 512 bytes at offset 4294967295 of a read of 65536 bytes",
        );
        says(
            R2tError::OutOfOrder {
                expected: R2tSn::new(1),
                got: R2tSn::new(0),
            },
            "R2T with R2TSN 0 instead of 1",
        );
        says(
            R2tError::BeyondExpectedLength {
                offset: 65536,
                len: 65536,
                expected: 65536,
            },
            "R2T for 65536 bytes at offset 65536 of a write of 65536 bytes",
        );
        says(
            R2tError::BeyondMaxBurst {
                len: 65537,
                max: 65536,
            },
            "R2T for 65537 bytes, MaxBurstLength is 65536",
        );
        says(
            Violation::TooManyPings { limit: 32 },
            "more than 32 NOP-Ins at once",
        );
    }

    #[test]
    fn names_the_kind_of_pdu_once() {
        says(
            pdu(
                Opcode::DATA_IN,
                PduError::DataTooLong {
                    len: 8704,
                    max: 8192,
                },
            ),
            "SCSI Data-In with a data segment of 8704 bytes, 8192 are allowed",
        );
        says(
            pdu(
                Opcode::DATA_IN,
                PduError::ErrorStatusInData(ScsiStatus::CHECK_CONDITION),
            ),
            "SCSI Data-In with status CHECK CONDITION",
        );
        says(
            pdu(Opcode::R2T, PduError::EmptyR2t),
            "Ready To Transfer with no data to transfer",
        );
        says(
            pdu(
                Opcode::new(0x2f),
                PduError::UnexpectedOpcode(Opcode::new(0x2f)),
            ),
            "PDU with unexpected opcode 0x2f",
        );
        says(
            Violation::Unasked(Opcode::TEXT_RESPONSE),
            "Text Response that was not asked for",
        );
    }
}
