// SPDX-License-Identifier: GPL-2.0

//! Everything beside commands and login: text, events, SNACK, reject and NOP, RFC 7143 sections
//! 11.9 to 11.11 and 11.16 to 11.19.

use super::{
    code::{
        AsyncEvent,
        RejectReason,
        SnackType, //
    },
    field::{
        Delivery,
        Itt,
        Lun,
        SegmentLen,
        Ttt, //
    },
    PduError, //
};
use crate::proto::sn::{
    CmdSn,
    StatSn, //
};

pdu! {
    /// Asynchronous Message, RFC 7143 section 11.9.
    AsyncMessage = ASYNC_MESSAGE + Data {
        /// Bytes of sense and event data.
        data_len @ 5: SegmentLen,
        /// Logical unit, for SCSI events and task termination.
        lun @ 8: Lun,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// What happened.
        event @ 36: AsyncEvent,
        /// Detail of a vendor's event.
        vendor_code @ 37: u8,
        /// The connection that is dropped.
        parameter1 @ 38: u16,
        /// Time2Wait in seconds.
        parameter2 @ 40: u16,
        /// Seconds left to act, or Time2Retain in seconds.
        parameter3 @ 42: u16,
    }
    fixed { 1 & 0x80 = 1, 16 = [0xff; 4] }
}

impl AsyncMessage {
    /// Seconds that have to pass before the next login if this drops the connection, RFC 7143 section
    /// 11.9.1.
    pub const fn time_to_wait(&self) -> Option<u16> {
        match self.event {
            AsyncEvent::CONNECTION_DROP | AsyncEvent::SESSION_DROP => Some(self.parameter2),
            _ => None,
        }
    }
}

pdu! {
    /// Text Request, RFC 7143 section 11.10.
    TextRequest = TEXT_REQUEST + Data {
        /// I bit.
        delivery @ 0 & 0x40: Delivery,
        /// F bit: last request of the sequence.
        is_final @ 1 & 0x80: bool,
        /// C bit: the text goes on in the next request.
        more_text @ 1 & 0x40: bool,
        /// Bytes of text.
        data_len @ 5: SegmentLen,
        /// Copied from the response that is continued, else 0.
        lun @ 8: Lun,
        /// The same for all requests of the sequence.
        itt @ 16: Itt,
        /// Copied from the response that is continued; `None` starts anew.
        ttt @ 20: Option<Ttt>,
        /// Number of the command.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
    }
    refuse |header| {
        // Section 11.10.2.
        header.more_text && header.is_final => PduError::ContinueWithFinal,
    }
}

pdu! {
    /// Text Response, RFC 7143 section 11.11.
    TextResponse = TEXT_RESPONSE + Data {
        /// F bit: the target has finished.
        is_final @ 1 & 0x80: bool,
        /// C bit: the text goes on in the next response.
        more_text @ 1 & 0x40: bool,
        /// Bytes of text.
        data_len @ 5: SegmentLen,
        /// To be copied into the next request.
        lun @ 8: Lun,
        /// The request this answers.
        itt @ 16: Itt,
        /// To be copied into the next request; `None` if there is to be none.
        ttt @ 20: Option<Ttt>,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
    }
    refuse |header| {
        // Section 11.11.2.
        header.more_text && header.is_final => PduError::ContinueWithFinal,
        // Section 11.11.1. The other half, that F = 1 goes without a tag, is not enforced: section
        // 11.10.4 has the initiator ignore the tag then.
        !header.is_final && header.ttt.is_none() => PduError::ReservedTtt,
    }
}

pdu! {
    /// SNACK Request, RFC 7143 section 11.16.
    SnackRequest = SNACK_REQUEST + Bare {
        /// What is asked for.
        kind @ 1 & 0x0f: SnackType,
        /// Copied from the Data-In PDU that a DataACK acknowledges, else 0.
        lun @ 8: Lun,
        /// The command whose data are wanted; `None` for Status SNACK and DataACK.
        itt @ 16: Option<Itt>,
        /// Transfer tag of a DataACK, SNACK tag of an R-Data SNACK, else `None`.
        tag @ 20: Option<Ttt>,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
        /// First number wanted, or next one expected for a DataACK.
        beg_run @ 40: u32,
        /// How many are wanted; 0 for all from `beg_run` on.
        run_length @ 44: u32,
    }
    fixed { 1 & 0x80 = 1 }
}

pdu! {
    /// Reject, RFC 7143 section 11.17. The header of the bad PDU is in the data segment.
    Reject = REJECT + Data {
        /// Why.
        reason @ 2: RejectReason,
        /// Bytes of data: the bad header, and what the vendor adds.
        data_len @ 5: SegmentLen,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// Next DataSN or R2TSN; valid if a Data/R2T SNACK is rejected as a protocol error.
        data_sn @ 36: u32,
    }
    fixed { 1 & 0x80 = 1, 16 = [0xff; 4] }
}

pdu! {
    /// NOP-Out, RFC 7143 section 11.18.
    NopOut = NOP_OUT + Data {
        /// I bit.
        delivery @ 0 & 0x40: Delivery,
        /// Bytes of ping data.
        data_len @ 5: SegmentLen,
        /// Copied from the NOP-In this answers, else 0.
        lun @ 8: Lun,
        /// Names a ping; `None` if no answer is wanted.
        itt @ 16: Option<Itt>,
        /// Copied from the NOP-In this answers.
        ttt @ 20: Option<Ttt>,
        /// Number of the command.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
    }
    fixed { 1 & 0x80 = 1 }
    refuse |header| {
        // Section 11.18.1.
        header.itt.is_none() && header.delivery == Delivery::Ordered => PduError::OrderedNop,
    }
}

pdu! {
    /// NOP-In, RFC 7143 section 11.19.
    NopIn = NOP_IN + Data {
        /// Bytes of returned ping data.
        data_len @ 5: SegmentLen,
        /// To be copied into the answer.
        lun @ 8: Lun,
        /// The ping this answers.
        itt @ 16: Option<Itt>,
        /// To be copied into the answer; `None` if none is wanted.
        ttt @ 20: Option<Ttt>,
        /// Number of this status if a ping is answered, else the next one, not used up.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
    }
    fixed { 1 & 0x80 = 1 }
    refuse |header| {
        // Section 11.19: an answer asks for nothing.
        header.itt.is_some() && header.ttt.is_some() => PduError::PingInAnswer,
        // Section 11.19: only an answer returns data.
        header.itt.is_none() && header.data_len != SegmentLen::ZERO => PduError::UnexpectedData,
    }
}

impl NopOut {
    /// The answer to a NOP-In that asks for one, RFC 7143 section 11.18; `None` if it does not.
    pub fn answer(ping: &NopIn, cmd_sn: CmdSn, exp_stat_sn: StatSn) -> Option<Self> {
        ping.ttt.map(|ttt| Self {
            delivery: Delivery::Immediate,
            data_len: SegmentLen::ZERO,
            lun: ping.lun,
            itt: None,
            ttt: Some(ttt),
            cmd_sn,
            exp_stat_sn,
        })
    }
}
