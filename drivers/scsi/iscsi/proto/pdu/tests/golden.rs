// SPDX-License-Identifier: GPL-2.0

//! The layout of each header, written out by hand from the pictures of RFC 7143 section 11.
//!
//! A header is 12 words; every field has a value of its own, so that a field in the wrong place
//! shows.

use super::*;
use crate::proto::sn::{
    DataSn,
    R2tSn, //
};

const LUN: Lun = Lun([0x40, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);

fn itt() -> Itt {
    Itt::new(0x2021_2223).unwrap()
}

fn ttt() -> Ttt {
    Ttt::new(0x3031_3233).unwrap()
}

fn len(len: u32) -> SegmentLen {
    SegmentLen::new(len).unwrap()
}

/// Checks a header against its bytes: both ways, bit by bit, and in its direction's enum.
macro_rules! layout {
    ($test:ident, $direction:ident, $value:expr, $words:literal) => {
        #[test]
        fn $test() {
            let value = $value;
            let golden = bhs($words);
            assert_eq!(value.to_bytes(), golden, "write");
            layout!(@same value, golden);
            assert_eq!($direction::parse(&golden), Ok($direction::from(value)));
            let mut again = [0xee; BHS_LEN];
            $direction::from(value).write(&mut again);
            assert_eq!(again, golden, "write over other bytes");
        }
    };
    (@same $value:ident, $golden:ident) => {
        layout!(@parse $value, &$golden, Ok($value));
        // Section 11: what is reserved is ignored on receipt, what is defined is not.
        let defined = layout!(@defined $value);
        for bit in 0..BHS_LEN * 8 {
            let mut flipped = $golden;
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let is_defined = defined[bit / 8] & (0x80 >> (bit % 8)) != 0;
            match layout!(@parse $value, &flipped) {
                Ok(got) if !is_defined => assert_eq!(got, $value, "reserved bit {bit}"),
                Ok(got) => {
                    assert_ne!(got, $value, "bit {bit} is not looked at");
                    assert_eq!(
                        masked(&got.to_bytes(), &defined),
                        masked(&flipped, &defined),
                        "bit {bit} is lost"
                    );
                }
                Err(error) => assert!(is_defined, "reserved bit {bit}: {error:?}"),
            }
        }
    };
    (@parse $value:ident, $bhs:expr, $want:expr) => {
        assert_eq!(layout!(@parse $value, $bhs), $want, "parse")
    };
    (@parse $value:ident, $bhs:expr) => {
        parse_like(&$value, $bhs)
    };
    (@defined $value:ident) => {
        defined_of(&$value)
    };
}

/// Calls the inherent functions of a value's type.
trait Header: Sized {
    const DEFINED: Bhs;
    fn parse(bhs: &Bhs) -> Result<Self, PduError>;
}

macro_rules! headers {
    ($($name:ident)*) => { $(
        impl Header for $name {
            const DEFINED: Bhs = Self::DEFINED;
            fn parse(bhs: &Bhs) -> Result<Self, PduError> {
                Self::parse(bhs)
            }
        }
    )* };
}

headers! {
    ScsiCommand ScsiResponse TaskRequest TaskResponse DataOut DataIn R2t AsyncMessage
    TextRequest TextResponse LoginRequest LoginResponse LogoutRequest LogoutResponse
    SnackRequest Reject NopOut NopIn
}

fn parse_like<H: Header>(_: &H, bhs: &Bhs) -> Result<H, PduError> {
    H::parse(bhs)
}

fn defined_of<H: Header>(_: &H) -> Bhs {
    H::DEFINED
}

layout! { scsi_command_11_3, InitiatorPdu,
    ScsiCommand {
        delivery: Delivery::Ordered,
        is_final: true,
        read: true,
        write: true,
        attribute: TaskAttribute::SIMPLE,
        ahs_words: 0x0a,
        data_len: len(0x01_0203),
        lun: LUN,
        itt: itt(),
        expected_len: 0x5051_5253,
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
        cdb: *b"0123456789abcdef",
    },
    "01e10000 0a010203 40111213 14151617 20212223 50515253 \
     60616263 70717273 30313233 34353637 38396162 63646566"
}

layout! { scsi_command_immediate_write_with_unsolicited_data_11_3_1, InitiatorPdu,
    ScsiCommand {
        delivery: Delivery::Immediate,
        is_final: false,
        read: false,
        write: true,
        attribute: TaskAttribute::HEAD_OF_QUEUE,
        ahs_words: 0,
        data_len: SegmentLen::MAX,
        lun: LUN,
        itt: itt(),
        expected_len: u32::MAX,
        cmd_sn: CmdSn::new(0),
        exp_stat_sn: StatSn::new(u32::MAX),
        cdb: [0; 16],
    },
    "41230000 00ffffff 40111213 14151617 20212223 ffffffff \
     00000000 ffffffff 00000000 00000000 00000000 00000000"
}

layout! { scsi_response_11_4, TargetPdu,
    ScsiResponse {
        bidi_overflow: true,
        bidi_underflow: false,
        overflow: false,
        underflow: true,
        response: ServiceResponse::COMPLETED,
        status: ScsiStatus::CHECK_CONDITION,
        data_len: len(0x14),
        itt: itt(),
        snack_tag: 0x5051_5253,
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        exp_data_sn: DataSn::new(0x9091_9293),
        bidi_residual: 0xa0a1_a2a3,
        residual_count: 0xb0b1_b2b3,
    },
    "21920002 00000014 00000000 00000000 20212223 50515253 \
     60616263 70717273 80818283 90919293 a0a1a2a3 b0b1b2b3"
}

layout! { scsi_response_target_failure_11_4_3, TargetPdu,
    ScsiResponse {
        bidi_overflow: false,
        bidi_underflow: true,
        overflow: true,
        underflow: false,
        response: ServiceResponse::TARGET_FAILURE,
        status: ScsiStatus::GOOD,
        data_len: SegmentLen::ZERO,
        itt: itt(),
        snack_tag: 0,
        stat_sn: StatSn::new(1),
        exp_cmd_sn: CmdSn::new(2),
        max_cmd_sn: CmdSn::new(3),
        exp_data_sn: DataSn::new(0),
        bidi_residual: 4,
        residual_count: 5,
    },
    "218c0100 00000000 00000000 00000000 20212223 00000000 \
     00000001 00000002 00000003 00000000 00000004 00000005"
}

layout! { task_request_11_5, InitiatorPdu,
    TaskRequest {
        delivery: Delivery::Immediate,
        function: TaskFunction::ABORT_TASK,
        lun: LUN,
        itt: itt(),
        referenced: Itt::new(0x5051_5253),
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
        ref_cmd_sn: CmdSn::new(0x8081_8283),
        exp_data_sn: DataSn::new(0x9091_9293),
    },
    "42810000 00000000 40111213 14151617 20212223 50515253 \
     60616263 70717273 80818283 90919293 00000000 00000000"
}

layout! { task_request_without_a_task_11_5_4, InitiatorPdu,
    TaskRequest {
        delivery: Delivery::Ordered,
        function: TaskFunction::LOGICAL_UNIT_RESET,
        lun: LUN,
        itt: itt(),
        referenced: None,
        cmd_sn: CmdSn::new(1),
        exp_stat_sn: StatSn::new(2),
        ref_cmd_sn: CmdSn::new(0),
        exp_data_sn: DataSn::new(0),
    },
    "02850000 00000000 40111213 14151617 20212223 ffffffff \
     00000001 00000002 00000000 00000000 00000000 00000000"
}

layout! { task_response_11_6, TargetPdu,
    TaskResponse {
        response: TaskFunctionResponse::NOT_SUPPORTED,
        itt: itt(),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
    },
    "22800500 00000000 00000000 00000000 20212223 00000000 \
     60616263 70717273 80818283 00000000 00000000 00000000"
}

layout! { data_out_solicited_11_7, InitiatorPdu,
    DataOut {
        is_final: true,
        data_len: len(0x2000),
        lun: LUN,
        itt: itt(),
        ttt: Some(ttt()),
        exp_stat_sn: StatSn::new(0x7071_7273),
        data_sn: DataSn::new(0x9091_9293),
        buffer_offset: 0xa0a1_a2a3,
    },
    "05800000 00002000 40111213 14151617 20212223 30313233 \
     00000000 70717273 00000000 90919293 a0a1a2a3 00000000"
}

layout! { data_out_unsolicited_11_7_4, InitiatorPdu,
    DataOut {
        is_final: false,
        data_len: len(4),
        lun: Lun::ZERO,
        itt: itt(),
        ttt: None,
        exp_stat_sn: StatSn::new(1),
        data_sn: DataSn::new(2),
        buffer_offset: 3,
    },
    "05000000 00000004 00000000 00000000 20212223 ffffffff \
     00000000 00000001 00000000 00000002 00000003 00000000"
}

layout! { data_in_with_status_11_7, TargetPdu,
    DataIn {
        is_final: true,
        acknowledge: true,
        overflow: false,
        underflow: true,
        has_status: true,
        status: ScsiStatus::GOOD,
        data_len: len(0x1_0000),
        lun: LUN,
        itt: itt(),
        ttt: Some(ttt()),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        data_sn: DataSn::new(0x9091_9293),
        buffer_offset: 0xa0a1_a2a3,
        residual_count: 0xb0b1_b2b3,
    },
    "25c30000 00010000 40111213 14151617 20212223 30313233 \
     60616263 70717273 80818283 90919293 a0a1a2a3 b0b1b2b3"
}

layout! { data_in_amid_a_sequence_11_7, TargetPdu,
    DataIn {
        is_final: false,
        acknowledge: false,
        overflow: true,
        underflow: false,
        has_status: false,
        status: ScsiStatus::new(0),
        data_len: len(1),
        lun: Lun::ZERO,
        itt: itt(),
        ttt: None,
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(1),
        max_cmd_sn: CmdSn::new(2),
        data_sn: DataSn::new(3),
        buffer_offset: 4,
        residual_count: 0,
    },
    "25040000 00000001 00000000 00000000 20212223 ffffffff \
     00000000 00000001 00000002 00000003 00000004 00000000"
}

layout! { r2t_11_8, TargetPdu,
    R2t {
        lun: LUN,
        itt: itt(),
        ttt: ttt(),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        r2t_sn: R2tSn::new(0x9091_9293),
        buffer_offset: 0xa0a1_a2a3,
        desired_len: 0xb0b1_b2b3,
    },
    "31800000 00000000 40111213 14151617 20212223 30313233 \
     60616263 70717273 80818283 90919293 a0a1a2a3 b0b1b2b3"
}

layout! { async_message_11_9, TargetPdu,
    AsyncMessage {
        data_len: len(0x12),
        lun: LUN,
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        event: AsyncEvent::CONNECTION_DROP,
        vendor_code: 0x91,
        parameter1: 0x9293,
        parameter2: 0xa0a1,
        parameter3: 0xa2a3,
    },
    "32800000 00000012 40111213 14151617 ffffffff 00000000 \
     60616263 70717273 80818283 02919293 a0a1a2a3 00000000"
}

layout! { text_request_11_10, InitiatorPdu,
    TextRequest {
        delivery: Delivery::Immediate,
        is_final: true,
        more_text: false,
        data_len: len(0x10),
        lun: LUN,
        itt: itt(),
        ttt: Some(ttt()),
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
    },
    "44800000 00000010 40111213 14151617 20212223 30313233 \
     60616263 70717273 00000000 00000000 00000000 00000000"
}

layout! { text_response_11_11, TargetPdu,
    TextResponse {
        is_final: false,
        more_text: true,
        data_len: len(0x10),
        lun: LUN,
        itt: itt(),
        ttt: Some(ttt()),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
    },
    "24400000 00000010 40111213 14151617 20212223 30313233 \
     60616263 70717273 80818283 00000000 00000000 00000000"
}

layout! { login_request_11_12, InitiatorPdu,
    LoginRequest {
        transit: true,
        more_text: false,
        current_stage: Stage::OPERATIONAL,
        next_stage: Stage::FULL_FEATURE,
        version_max: 0x01,
        version_min: 0x02,
        data_len: len(0x1f0),
        isid: Isid([0x80, 0x12, 0x34, 0x56, 0x78, 0x9a]),
        tsih: Tsih::new(0x1617),
        itt: itt(),
        cid: Cid(0x5051),
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
    },
    "43870102 000001f0 80123456 789a1617 20212223 50510000 \
     60616263 70717273 00000000 00000000 00000000 00000000"
}

layout! { login_request_leading_and_continued_11_12_2, InitiatorPdu,
    LoginRequest {
        transit: false,
        more_text: true,
        current_stage: Stage::SECURITY,
        next_stage: Stage::SECURITY,
        version_max: 0,
        version_min: 0,
        data_len: len(0x2000),
        isid: Isid([0x40, 0, 0x02, 0x3d, 0, 1]),
        tsih: None,
        itt: itt(),
        cid: Cid(1),
        cmd_sn: CmdSn::new(123),
        exp_stat_sn: StatSn::new(0),
    },
    "43400000 00002000 4000023d 00010000 20212223 00010000 \
     0000007b 00000000 00000000 00000000 00000000 00000000"
}

layout! { login_response_11_13, TargetPdu,
    LoginResponse {
        transit: true,
        more_text: false,
        current_stage: Stage::SECURITY,
        next_stage: Stage::OPERATIONAL,
        version_max: 0x01,
        version_active: 0x02,
        data_len: len(0x1f),
        isid: Isid([0x80, 0x12, 0x34, 0x56, 0x78, 0x9a]),
        tsih: Tsih::new(0x1617),
        itt: itt(),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        status: LoginStatus::SUCCESS,
    },
    "23810102 0000001f 80123456 789a1617 20212223 00000000 \
     60616263 70717273 80818283 00000000 00000000 00000000"
}

layout! { login_response_refusal_11_13_5, TargetPdu,
    LoginResponse {
        transit: false,
        more_text: false,
        current_stage: Stage::OPERATIONAL,
        next_stage: Stage::SECURITY,
        version_max: 0,
        version_active: 0,
        data_len: SegmentLen::ZERO,
        isid: Isid([0; 6]),
        tsih: None,
        itt: itt(),
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(0),
        max_cmd_sn: CmdSn::new(0),
        status: LoginStatus::NOT_FOUND,
    },
    "23040000 00000000 00000000 00000000 20212223 00000000 \
     00000000 00000000 00000000 02030000 00000000 00000000"
}

layout! { logout_request_11_14, InitiatorPdu,
    LogoutRequest {
        delivery: Delivery::Immediate,
        reason: LogoutReason::RECOVERY,
        itt: itt(),
        cid: Cid(0x5051),
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
    },
    "46820000 00000000 00000000 00000000 20212223 50510000 \
     60616263 70717273 00000000 00000000 00000000 00000000"
}

layout! { logout_response_11_15, TargetPdu,
    LogoutResponse {
        outcome: LogoutOutcome::CLEANUP_FAILED,
        itt: itt(),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        time2wait: 0xa0a1,
        time2retain: 0xa2a3,
    },
    "26800300 00000000 00000000 00000000 20212223 00000000 \
     60616263 70717273 80818283 00000000 a0a1a2a3 00000000"
}

layout! { snack_request_11_16, InitiatorPdu,
    SnackRequest {
        kind: SnackType::R_DATA,
        lun: LUN,
        itt: Some(itt()),
        tag: Some(ttt()),
        exp_stat_sn: StatSn::new(0x7071_7273),
        beg_run: 0xa0a1_a2a3,
        run_length: 0xb0b1_b2b3,
    },
    "10830000 00000000 40111213 14151617 20212223 30313233 \
     00000000 70717273 00000000 00000000 a0a1a2a3 b0b1b2b3"
}

layout! { reject_11_17, TargetPdu,
    Reject {
        reason: RejectReason::PROTOCOL_ERROR,
        data_len: len(48),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
        data_sn: 0x9091_9293,
    },
    "3f800400 00000030 00000000 00000000 ffffffff 00000000 \
     60616263 70717273 80818283 90919293 00000000 00000000"
}

layout! { nop_out_ping_11_18, InitiatorPdu,
    NopOut {
        delivery: Delivery::Ordered,
        data_len: len(8),
        lun: Lun::ZERO,
        itt: Some(itt()),
        ttt: None,
        cmd_sn: CmdSn::new(0x6061_6263),
        exp_stat_sn: StatSn::new(0x7071_7273),
    },
    "00800000 00000008 00000000 00000000 20212223 ffffffff \
     60616263 70717273 00000000 00000000 00000000 00000000"
}

layout! { nop_in_ping_11_19, TargetPdu,
    NopIn {
        data_len: SegmentLen::ZERO,
        lun: LUN,
        itt: None,
        ttt: Some(ttt()),
        stat_sn: StatSn::new(0x6061_6263),
        exp_cmd_sn: CmdSn::new(0x7071_7273),
        max_cmd_sn: CmdSn::new(0x8081_8283),
    },
    "20800000 00000000 40111213 14151617 ffffffff 30313233 \
     60616263 70717273 80818283 00000000 00000000 00000000"
}

layout! { nop_in_answer_11_19, TargetPdu,
    NopIn {
        data_len: len(8),
        lun: Lun::ZERO,
        itt: Some(itt()),
        ttt: None,
        stat_sn: StatSn::new(1),
        exp_cmd_sn: CmdSn::new(2),
        max_cmd_sn: CmdSn::new(3),
    },
    "20800000 00000008 00000000 00000000 20212223 ffffffff \
     00000001 00000002 00000003 00000000 00000000 00000000"
}
