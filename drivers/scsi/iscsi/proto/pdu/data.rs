// SPDX-License-Identifier: GPL-2.0

//! Data in both directions and its solicitation: RFC 7143 sections 11.7 and 11.8.

use super::{
    code::ScsiStatus,
    field::{
        Itt,
        Lun,
        SegmentLen,
        Ttt, //
    },
    PduError, //
};
use crate::proto::sn::{
    CmdSn,
    DataSn,
    R2tSn,
    StatSn, //
};

pdu! {
    /// SCSI Data-Out, RFC 7143 section 11.7.
    DataOut = DATA_OUT + Data {
        /// F bit: last PDU of the sequence.
        is_final @ 1 & 0x80: bool,
        /// Bytes of data.
        data_len @ 5: SegmentLen,
        /// Logical unit, copied from the R2T; 0 if unsolicited.
        lun @ 8: Lun,
        /// The task the data belong to.
        itt @ 16: Itt,
        /// Tag of the R2T this answers; `None` if unsolicited.
        ttt @ 20: Option<Ttt>,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
        /// Number within the sequence.
        data_sn @ 36: DataSn,
        /// Where the data stand in the whole transfer, in bytes.
        buffer_offset @ 40: u32,
    }
}

pdu! {
    /// SCSI Data-In, RFC 7143 section 11.7.
    DataIn = DATA_IN + Data {
        /// F bit: last PDU of the sequence.
        is_final @ 1 & 0x80: bool,
        /// A bit: the target wants an acknowledgment; ignored at ErrorRecoveryLevel 0.
        acknowledge @ 1 & 0x40: bool,
        /// O bit: more than the command expected; valid with S.
        overflow @ 1 & 0x04: bool,
        /// U bit: less than the command expected; valid with S.
        underflow @ 1 & 0x02: bool,
        /// S bit: status, StatSN and residual count are valid, and the task ends.
        has_status @ 1 & 0x01: bool,
        /// SCSI status; valid with S.
        status @ 3: ScsiStatus,
        /// Bytes of data.
        data_len @ 5: SegmentLen,
        /// Logical unit; valid with A.
        lun @ 8: Lun,
        /// The task the data belong to.
        itt @ 16: Itt,
        /// What to copy into the acknowledgment; valid with A.
        ttt @ 20: Option<Ttt>,
        /// Number of this status; valid with S.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// Number within the command.
        data_sn @ 36: DataSn,
        /// Where the data stand in the whole transfer, in bytes.
        buffer_offset @ 40: u32,
        /// Bytes not transferred; valid with S and with O or U.
        residual_count @ 44: u32,
    }
    refuse |header| {
        // Section 11.7.3: S requires F.
        header.has_status && !header.is_final => PduError::StatusBeforeFinal,
        header.has_status && header.overflow && header.underflow
            => PduError::OverflowAndUnderflow,
        // Section 11.7.3: a command that ends with an error says so in a SCSI Response.
        header.has_status && !matches!(
            header.status,
            ScsiStatus::GOOD
                | ScsiStatus::CONDITION_MET
                | ScsiStatus::INTERMEDIATE
                | ScsiStatus::INTERMEDIATE_CONDITION_MET
        ) => PduError::ErrorStatusInData(header.status),
    }
}

pdu! {
    /// Ready To Transfer, RFC 7143 section 11.8.
    R2t = R2T + Bare {
        /// Logical unit, to be copied into the Data-Out PDUs.
        lun @ 8: Lun,
        /// The task that is to send data.
        itt @ 16: Itt,
        /// To be copied into the Data-Out PDUs.
        ttt @ 20: Ttt,
        /// Next StatSN; not used up.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// Number within the command.
        r2t_sn @ 36: R2tSn,
        /// Where the data begin in the whole transfer, in bytes.
        buffer_offset @ 40: u32,
        /// Bytes wanted: 1 ..= MaxBurstLength.
        desired_len @ 44: u32,
    }
    fixed { 1 & 0x80 = 1 }
    refuse |header| {
        // Section 11.8.4.
        header.desired_len == 0 => PduError::EmptyR2t,
    }
}
