// SPDX-License-Identifier: GPL-2.0

//! Every PDU header of RFC 7143 section 11 as a value.
//!
//! Each header is declared once, as a table, in [`scsi`], [`data`], [`login`] or [`message`]; the
//! tables' types are in [`field`] and [`code`]. Reserved fields are written as 0 and ignored on
//! receipt. Reserved codes keep their number, so that whoever has to refuse them can say which one
//! it was. `parse` refuses what a header must not say by itself; what depends on the session's
//! state is judged elsewhere.
//!
//! A receiver reads 48 bytes, asks [`SegmentLens::of`] how much follows, and hands the header to
//! [`TargetPdu::parse`].

#[macro_use]
mod table;

pub mod ahs;
pub mod code;
pub mod data;
pub mod field;
pub mod login;
pub mod message;
pub mod scsi;

pub use self::{
    code::{
        AsyncEvent,
        LoginStatus,
        LoginStatusClass,
        LogoutOutcome,
        LogoutReason,
        Opcode,
        RejectReason,
        ScsiStatus,
        ServiceResponse,
        SnackType,
        Stage,
        TaskAttribute,
        TaskFunction,
        TaskFunctionResponse, //
    },
    data::{
        DataIn,
        DataOut,
        R2t, //
    },
    field::{
        Cid,
        Delivery,
        Isid,
        Itt,
        Lun,
        SegmentLen,
        Tsih,
        Ttt, //
    },
    login::{
        LoginRequest,
        LoginResponse,
        LogoutRequest,
        LogoutResponse, //
    },
    message::{
        AsyncMessage,
        NopIn,
        NopOut,
        Reject,
        SnackRequest,
        TextRequest,
        TextResponse, //
    },
    scsi::{
        ScsiCommand,
        ScsiResponse,
        TaskRequest,
        TaskResponse, //
    }, //
};

pub use crate::proto::keys::Digest;

use core::fmt;

use crate::proto::sn::{
    CmdSn,
    StatSn, //
};

/// Bytes of a Basic Header Segment, RFC 7143 section 11.2.1.
pub const BHS_LEN: usize = 48;

/// Bytes of a digest that is on, RFC 7143 section 13.1.
pub const DIGEST_LEN: u32 = 4;

/// A Basic Header Segment as it stands on the wire.
pub type Bhs = [u8; BHS_LEN];

/// Why a header is refused: one variant per broken rule of RFC 7143 section 11.
///
/// `Display` says what the header has and must not have, to follow the word "with".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PduError {
    /// The opcode is unassigned, vendor-specific, or only ever sent the other way.
    UnexpectedOpcode(Opcode),
    /// The header is of another kind than was asked for.
    WrongOpcode(Opcode),
    /// TotalAHSLength is not 0 in a PDU without AHS (11.2.1.5).
    UnexpectedAhs,
    /// DataSegmentLength is not 0 in a PDU without data (11.2.1.6).
    UnexpectedData,
    /// DataSegmentLength is beyond what the receiver declared (13.12).
    DataTooLong {
        /// Bytes announced.
        len: u32,
        /// Bytes allowed.
        max: u32,
    },
    /// The initiator task tag is 0xffffffff where a task must be named (11.2.1.8).
    ReservedItt,
    /// The target transfer tag is 0xffffffff where a transfer must be named (11.8.5, 11.11.1).
    ReservedTtt,
    /// Both residual overflow and underflow (11.4.1).
    OverflowAndUnderflow,
    /// Status in a Data-In PDU that is not the last one (11.7.3).
    StatusBeforeFinal,
    /// An exception status in a Data-In PDU (11.7.3).
    ErrorStatusInData(ScsiStatus),
    /// An R2T for no data (11.8.4).
    EmptyR2t,
    /// C together with F or T (11.10.2, 11.11.2, 11.12.2, 11.13.7).
    ContinueWithFinal,
    /// A stage code that means nothing (11.12.3).
    ReservedStage,
    /// A NOP-In that is both answer and ping (11.19).
    PingInAnswer,
    /// A SCSI Command with neither W nor F (11.3.1).
    NeitherWriteNorFinal,
    /// A SCSI Command that moves data in no direction (11.3.1).
    NoDirection,
    /// A NOP-Out that wants no answer and is not immediate (11.18.1).
    OrderedNop,
}

impl fmt::Display for PduError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnexpectedOpcode(opcode) | Self::WrongOpcode(opcode) => {
                write!(f, "unexpected opcode {opcode}")
            }
            Self::UnexpectedAhs => f.write_str("additional header segments"),
            Self::UnexpectedData => f.write_str("a data segment"),
            Self::DataTooLong { len, max } => {
                write!(f, "a data segment of {len} bytes, {max} are allowed")
            }
            Self::ReservedItt => f.write_str("task tag 0xffffffff"),
            Self::ReservedTtt => f.write_str("transfer tag 0xffffffff"),
            Self::OverflowAndUnderflow => f.write_str("residual overflow and underflow"),
            Self::StatusBeforeFinal => f.write_str("a status without the F bit"),
            Self::ErrorStatusInData(status) => write!(f, "status {status}"),
            Self::EmptyR2t => f.write_str("no data to transfer"),
            Self::ContinueWithFinal => f.write_str("the C bit beside F or T"),
            Self::ReservedStage => f.write_str("a stage that does not exist"),
            Self::PingInAnswer => f.write_str("the tags of both an answer and a ping"),
            Self::NeitherWriteNorFinal => f.write_str("neither the W nor the F bit"),
            Self::NoDirection => f.write_str("data in no direction"),
            Self::OrderedNop => f.write_str("no answer wanted, but a place in the order"),
        }
    }
}

/// The opcode of a header, RFC 7143 section 11.2.1.2.
pub const fn opcode(bhs: &Bhs) -> Opcode {
    Opcode::new(bhs[0] & 0x3f)
}

/// DataSegmentLength in bytes, without padding, RFC 7143 section 11.2.1.6.
pub const fn data_segment_length(bhs: &Bhs) -> u32 {
    u32::from_be_bytes([0, bhs[5], bhs[6], bhs[7]])
}

/// TotalAHSLength in bytes, RFC 7143 section 11.2.1.5.
pub const fn total_ahs_length(bhs: &Bhs) -> u32 {
    u32::from_be_bytes([0, 0, 0, bhs[4]]) * 4
}

/// The bytes of padding behind `len` bytes, 0 ..= 3, RFC 7143 section 11.1.
pub const fn padding(len: u32) -> u32 {
    len.wrapping_neg() & 3
}

/// The bytes a digest takes.
const fn digest_len(digest: Digest) -> u32 {
    match digest {
        Digest::None => 0,
        Digest::Crc32c => DIGEST_LEN,
    }
}

/// How much follows a header, RFC 7143 section 11.2. All lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLens {
    /// Additional header segments, a multiple of 4.
    pub ahs: u32,
    /// Header digest.
    pub header_digest: u32,
    /// Data segment without padding.
    pub data: SegmentLen,
    /// Padding of the data segment.
    pub padding: u32,
    /// Data digest; none without data (section 11.2.3).
    pub data_digest: u32,
}

impl SegmentLens {
    /// Reads the lengths of a received header, before anything else is believed of it.
    ///
    /// `max_data` is the MaxRecvDataSegmentLength the receiver declared.
    ///
    /// # Errors
    ///
    /// [`PduError::DataTooLong`] if the data segment is longer.
    pub const fn of(
        bhs: &Bhs,
        max_data: u32,
        header_digest: Digest,
        data_digest: Digest,
    ) -> Result<Self, PduError> {
        let len = data_segment_length(bhs);
        if len > max_data {
            return Err(PduError::DataTooLong { len, max: max_data });
        }
        Ok(Self {
            ahs: total_ahs_length(bhs),
            header_digest: digest_len(header_digest),
            data: SegmentLen::at_most(len),
            padding: padding(len),
            data_digest: if len == 0 { 0 } else { digest_len(data_digest) },
        })
    }

    /// Bytes of the whole PDU, basic header included.
    pub const fn total(&self) -> u32 {
        // At most 48 + 1020 + 4 + 2^24 + 4.
        BHS_LEN as u32
            + self.ahs
            + self.header_digest
            + self.data.get()
            + self.padding
            + self.data_digest
    }
}

/// What a received PDU says about the sequence of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatSnUse {
    /// The PDU carries this status: ExpStatSN advances when it is handled.
    Takes(StatSn),
    /// The PDU shows the next number without using it up.
    Shows(StatSn),
    /// The field means nothing here.
    Absent,
}

/// Declares the PDUs of one direction, and how to tell them apart.
macro_rules! direction {
    ($(#[$doc:meta])* $name:ident { $($pdu:ident = $opcode:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("See [`", stringify!($pdu), "`].")] $pdu($pdu),)*
        }

        impl $name {
            /// Reads a header.
            ///
            /// # Errors
            ///
            /// [`PduError::UnexpectedOpcode`] if nobody sends such a PDU this way, else as the
            /// header's own `parse`.
            pub fn parse(bhs: &Bhs) -> Result<Self, PduError> {
                match opcode(bhs) {
                    $(Opcode::$opcode => $pdu::parse(bhs).map(Self::$pdu),)*
                    other => Err(PduError::UnexpectedOpcode(other)),
                }
            }

            /// Writes all 48 bytes of the header.
            pub fn write(&self, bhs: &mut Bhs) {
                match self {
                    $(Self::$pdu(header) => header.write(bhs),)*
                }
            }

            /// The opcode of the PDU.
            pub const fn opcode(&self) -> Opcode {
                match self {
                    $(Self::$pdu(_) => Opcode::$opcode,)*
                }
            }
        }

        $(impl From<$pdu> for $name {
            fn from(header: $pdu) -> Self {
                Self::$pdu(header)
            }
        })*
    };
}

direction! {
    /// What an initiator receives.
    TargetPdu {
        NopIn = NOP_IN,
        ScsiResponse = SCSI_RESPONSE,
        TaskResponse = TASK_RESPONSE,
        LoginResponse = LOGIN_RESPONSE,
        TextResponse = TEXT_RESPONSE,
        DataIn = DATA_IN,
        LogoutResponse = LOGOUT_RESPONSE,
        R2t = R2T,
        AsyncMessage = ASYNC_MESSAGE,
        Reject = REJECT,
    }
}

direction! {
    /// What a target receives.
    InitiatorPdu {
        NopOut = NOP_OUT,
        ScsiCommand = SCSI_COMMAND,
        TaskRequest = TASK_REQUEST,
        LoginRequest = LOGIN_REQUEST,
        TextRequest = TEXT_REQUEST,
        DataOut = DATA_OUT,
        LogoutRequest = LOGOUT_REQUEST,
        SnackRequest = SNACK_REQUEST,
    }
}

impl TargetPdu {
    /// ExpCmdSN and MaxCmdSN for [`CmdWindow::handle_update`]; `None` where they mean nothing.
    ///
    /// [`CmdWindow::handle_update`]: crate::proto::sn::CmdWindow::handle_update
    pub fn window(&self) -> Option<(CmdSn, CmdSn)> {
        Some(match self {
            Self::NopIn(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::ScsiResponse(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::TaskResponse(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            // Section 11.13.5: only valid if the class is success.
            Self::LoginResponse(h) if h.status.class() != LoginStatusClass::Success => return None,
            Self::LoginResponse(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::TextResponse(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::DataIn(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::LogoutResponse(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::R2t(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::AsyncMessage(h) => (h.exp_cmd_sn, h.max_cmd_sn),
            Self::Reject(h) => (h.exp_cmd_sn, h.max_cmd_sn),
        })
    }

    /// What the PDU says about the sequence of statuses, RFC 7143 section 4.2.2.2.
    pub fn stat_sn(&self) -> StatSnUse {
        use StatSnUse::{
            Absent,
            Shows,
            Takes, //
        };
        match self {
            // Section 11.19.2.
            Self::NopIn(h) if h.itt.is_none() => Shows(h.stat_sn),
            Self::NopIn(h) => Takes(h.stat_sn),
            Self::ScsiResponse(h) => Takes(h.stat_sn),
            Self::TaskResponse(h) => Takes(h.stat_sn),
            // Section 11.13.4.
            Self::LoginResponse(h) if h.status.class() != LoginStatusClass::Success => Absent,
            Self::LoginResponse(h) => Takes(h.stat_sn),
            Self::TextResponse(h) => Takes(h.stat_sn),
            // Section 11.7.3.
            Self::DataIn(h) if h.has_status => Takes(h.stat_sn),
            Self::DataIn(_) => Absent,
            Self::LogoutResponse(h) => Takes(h.stat_sn),
            // Section 11.8.3.
            Self::R2t(h) => Shows(h.stat_sn),
            // Section 11.9.
            Self::AsyncMessage(h) => Takes(h.stat_sn),
            // Section 11.17.3.
            Self::Reject(h) => Takes(h.stat_sn),
        }
    }
}

#[cfg(test)]
mod tests;
