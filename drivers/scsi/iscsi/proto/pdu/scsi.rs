// SPDX-License-Identifier: GPL-2.0

//! SCSI commands, their responses, and task management: RFC 7143 sections 11.3 to 11.6.

use super::{
    code::{
        ScsiStatus,
        ServiceResponse,
        TaskAttribute,
        TaskFunction,
        TaskFunctionResponse, //
    },
    field::{
        Delivery,
        Itt,
        Lun,
        SegmentLen, //
    },
    PduError, //
};
use crate::proto::sn::{
    CmdSn,
    DataSn,
    StatSn, //
};

pdu! {
    /// SCSI Command, RFC 7143 section 11.3.
    ScsiCommand = SCSI_COMMAND + AhsAndData {
        /// I bit.
        delivery @ 0 & 0x40: Delivery,
        /// F bit: no unsolicited Data-Out PDU follows.
        is_final @ 1 & 0x80: bool,
        /// R bit: input is expected.
        read @ 1 & 0x40: bool,
        /// W bit: output is expected.
        write @ 1 & 0x20: bool,
        /// Task attribute.
        attribute @ 1 & 0x07: TaskAttribute,
        /// TotalAHSLength, in words of 4 bytes.
        ahs_words @ 4: u8,
        /// Bytes of immediate data.
        data_len @ 5: SegmentLen,
        /// Logical unit.
        lun @ 8: Lun,
        /// Names the task from now on.
        itt @ 16: Itt,
        /// Bytes to read, or to write if W is set.
        expected_len @ 20: u32,
        /// Number of the command.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
        /// The first 16 bytes of the CDB, filled up with 0.
        cdb @ 32: [u8; 16],
    }
    refuse |header| {
        // Section 11.3.1: at least one of W and F is 1.
        !header.write && !header.is_final => PduError::NeitherWriteNorFinal,
        // Section 11.3.1: data needs a direction.
        !header.read && !header.write && header.expected_len != 0 => PduError::NoDirection,
    }
}

pdu! {
    /// SCSI Response, RFC 7143 section 11.4.
    ScsiResponse = SCSI_RESPONSE + Data {
        /// o bit: more than the bidirectional read expected.
        bidi_overflow @ 1 & 0x10: bool,
        /// u bit: less than the bidirectional read expected.
        bidi_underflow @ 1 & 0x08: bool,
        /// O bit: more than the command expected.
        overflow @ 1 & 0x04: bool,
        /// U bit: less than the command expected.
        underflow @ 1 & 0x02: bool,
        /// Whether the target completed the command; only then status and flags count.
        response @ 2: ServiceResponse,
        /// SCSI status.
        status @ 3: ScsiStatus,
        /// Bytes of sense and response data.
        data_len @ 5: SegmentLen,
        /// The task that ends.
        itt @ 16: Itt,
        /// Tag of the last R-Data SNACK of this command, else 0.
        snack_tag @ 20: u32,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// How many Data-In PDUs the target sent for this command.
        exp_data_sn @ 36: DataSn,
        /// Bytes not transferred of the bidirectional read; valid with o or u.
        bidi_residual @ 40: u32,
        /// Bytes not transferred; valid with O or U.
        residual_count @ 44: u32,
    }
    fixed { 1 & 0x80 = 1 }
    refuse |header| {
        // Section 11.4.3: the flags of a command that was not completed are to be ignored.
        header.response == ServiceResponse::COMPLETED && header.overflow && header.underflow
            => PduError::OverflowAndUnderflow,
        header.response == ServiceResponse::COMPLETED
            && header.bidi_overflow
            && header.bidi_underflow
            => PduError::OverflowAndUnderflow,
    }
}

pdu! {
    /// Task Management Function Request, RFC 7143 section 11.5.
    TaskRequest = TASK_REQUEST + Bare {
        /// I bit.
        delivery @ 0 & 0x40: Delivery,
        /// What to do.
        function @ 1 & 0x7f: TaskFunction,
        /// Logical unit, for functions that address one.
        lun @ 8: Lun,
        /// Names this request.
        itt @ 16: Itt,
        /// The task to abort, reassign or query.
        referenced @ 20: Option<Itt>,
        /// Number of the command.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
        /// CmdSN of the referenced task; this request's own if that was an immediate command.
        ref_cmd_sn @ 32: CmdSn,
        /// First Data-In PDU wanted, for TASK REASSIGN.
        exp_data_sn @ 36: DataSn,
    }
    fixed { 1 & 0x80 = 1 }
}

pdu! {
    /// Task Management Function Response, RFC 7143 section 11.6.
    TaskResponse = TASK_RESPONSE + Bare {
        /// What came of it.
        response @ 2: TaskFunctionResponse,
        /// The request that ends.
        itt @ 16: Itt,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
    }
    fixed { 1 & 0x80 = 1 }
}
