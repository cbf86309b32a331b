// SPDX-License-Identifier: GPL-2.0

//! Every header as a value: made from any bytes, with the rules of RFC 7143 section 11 for which
//! values may be sent.

use iscsi_proto::proto::{
    pdu::{
        AsyncEvent,
        AsyncMessage,
        Cid,
        DataIn,
        DataOut,
        Delivery,
        InitiatorPdu,
        Isid,
        Itt,
        LoginRequest,
        LoginResponse,
        LoginStatus,
        LogoutOutcome,
        LogoutReason,
        LogoutRequest,
        LogoutResponse,
        Lun,
        NopIn,
        NopOut,
        R2t,
        Reject,
        RejectReason,
        ScsiCommand,
        ScsiResponse,
        ScsiStatus,
        SegmentLen,
        ServiceResponse,
        SnackRequest,
        SnackType,
        Stage,
        TargetPdu,
        TaskAttribute,
        TaskFunction,
        TaskFunctionResponse,
        TaskRequest,
        TaskResponse,
        TextRequest,
        TextResponse,
        Tsih,
        Ttt, //
    },
    sn::{
        CmdSn,
        DataSn,
        R2tSn,
        StatSn, //
    }, //
};

use crate::input::Input;

/// What a field of a header can be made from.
trait FromInput {
    fn from_input(input: &mut Input<'_>) -> Self;
}

macro_rules! from_input {
    ($($ty:ty: $from:expr;)*) => { $(
        impl FromInput for $ty {
            fn from_input(input: &mut Input<'_>) -> Self {
                $from(input)
            }
        }
    )* };
}

from_input! {
    bool: Input::bool;
    u8: Input::u8;
    u16: Input::u16;
    u32: Input::u32;
    [u8; 16]: Input::array;
    Lun: |input: &mut Input<'_>| Lun(input.array());
    Isid: |input: &mut Input<'_>| Isid(input.array());
    Cid: |input: &mut Input<'_>| Cid(input.u16());
    Option<Tsih>: |input: &mut Input<'_>| Tsih::new(input.u16());
    CmdSn: |input: &mut Input<'_>| CmdSn::new(input.u32());
    StatSn: |input: &mut Input<'_>| StatSn::new(input.u32());
    DataSn: |input: &mut Input<'_>| DataSn::new(input.u32());
    R2tSn: |input: &mut Input<'_>| R2tSn::new(input.u32());
    Itt: |input: &mut Input<'_>| Itt::new(input.u32() & 0x7fff_ffff).expect("not the reserved one");
    Ttt: |input: &mut Input<'_>| Ttt::new(input.u32() & 0x7fff_ffff).expect("not the reserved one");
    Option<Itt>: |input: &mut Input<'_>| if input.bool() { Itt::new(input.u32()) } else { None };
    Option<Ttt>: |input: &mut Input<'_>| if input.bool() { Ttt::new(input.u32()) } else { None };
    SegmentLen: |input: &mut Input<'_>| {
        SegmentLen::new(input.between(0, 0x00ff_ffff)).expect("24 bits")
    };
    Delivery: |input: &mut Input<'_>| input.pick(&[Delivery::Ordered, Delivery::Immediate]);
    // Codes keep to the bits they have.
    TaskAttribute: |input: &mut Input<'_>| TaskAttribute::new(input.u8() & 0x07);
    TaskFunction: |input: &mut Input<'_>| TaskFunction::new(input.u8() & 0x7f);
    TaskFunctionResponse: |input: &mut Input<'_>| TaskFunctionResponse::new(input.u8());
    ScsiStatus: |input: &mut Input<'_>| {
        ScsiStatus::new(input.pick(&[0x00, 0x00, 0x02, 0x04, 0x08, 0x10, 0x14, 0x18, 0x28, 0xff]))
    };
    ServiceResponse: |input: &mut Input<'_>| ServiceResponse::new(input.pick(&[0, 0, 1, 2, 0x80]));
    AsyncEvent: |input: &mut Input<'_>| AsyncEvent::new(input.u8());
    Stage: |input: &mut Input<'_>| Stage::new(input.u8() & 3);
    LoginStatus: |input: &mut Input<'_>| {
        LoginStatus::new(input.pick(&[0, 0, 0, 0x0101, 0x0102, 0x0203, 0x0301, 0x7fff]))
    };
    LogoutReason: |input: &mut Input<'_>| LogoutReason::new(input.u8() & 0x7f);
    LogoutOutcome: |input: &mut Input<'_>| LogoutOutcome::new(input.u8());
    SnackType: |input: &mut Input<'_>| SnackType::new(input.u8() & 0x0f);
    RejectReason: |input: &mut Input<'_>| RejectReason::new(input.u8());
}

/// What may be sent: the rules of one kind of header.
trait Rules {
    /// Whether RFC 7143 allows this header by itself.
    fn is_legal(&self) -> bool {
        true
    }
}

/// Makes headers from input, and lists them by direction.
macro_rules! headers {
    ($(
        $direction:ident, $make:ident, $legal:ident, $defined:ident {
            $($pdu:ident { $($field:ident),* $(,)? })*
        }
    )*) => { $(
        $(impl FromInput for $pdu {
            fn from_input(input: &mut Input<'_>) -> Self {
                Self { $($field: FromInput::from_input(input)),* }
            }
        })*

        /// Any header of this direction.
        pub fn $make(input: &mut Input<'_>) -> $direction {
            let makers: &[fn(&mut Input<'_>) -> $direction] =
                &[$(|input| $pdu::from_input(input).into()),*];
            let maker = input.pick(makers);
            maker(input)
        }

        /// Whether RFC 7143 allows the header by itself.
        pub fn $legal(pdu: &$direction) -> bool {
            match pdu {
                $($direction::$pdu(header) => header.is_legal(),)*
            }
        }
    )*
        /// The bits of each kind of header that mean something.
        pub mod defined {
            use iscsi_proto::proto::pdu::*;

            $(
                /// Those of this direction.
                pub const fn $defined(pdu: &$direction) -> &'static Bhs {
                    match pdu {
                        $($direction::$pdu(_) => &$pdu::DEFINED,)*
                    }
                }
            )*
        }
    };
}

headers! {
    TargetPdu, of_target, is_legal_of_target, of_target {
        NopIn { data_len, lun, itt, ttt, stat_sn, exp_cmd_sn, max_cmd_sn }
        ScsiResponse {
            bidi_overflow, bidi_underflow, overflow, underflow, response, status, data_len, itt,
            snack_tag, stat_sn, exp_cmd_sn, max_cmd_sn, exp_data_sn, bidi_residual,
            residual_count,
        }
        TaskResponse { response, itt, stat_sn, exp_cmd_sn, max_cmd_sn }
        LoginResponse {
            transit, more_text, current_stage, next_stage, version_max, version_active, data_len,
            isid, tsih, itt, stat_sn, exp_cmd_sn, max_cmd_sn, status,
        }
        TextResponse {
            is_final, more_text, data_len, lun, itt, ttt, stat_sn, exp_cmd_sn, max_cmd_sn,
        }
        DataIn {
            is_final, acknowledge, overflow, underflow, has_status, status, data_len, lun, itt,
            ttt, stat_sn, exp_cmd_sn, max_cmd_sn, data_sn, buffer_offset, residual_count,
        }
        LogoutResponse { outcome, itt, stat_sn, exp_cmd_sn, max_cmd_sn, time2wait, time2retain }
        R2t { lun, itt, ttt, stat_sn, exp_cmd_sn, max_cmd_sn, r2t_sn, buffer_offset, desired_len }
        AsyncMessage {
            data_len, lun, stat_sn, exp_cmd_sn, max_cmd_sn, event, vendor_code, parameter1,
            parameter2, parameter3,
        }
        Reject { reason, data_len, stat_sn, exp_cmd_sn, max_cmd_sn, data_sn }
    }
    InitiatorPdu, of_initiator, is_legal_of_initiator, of_initiator {
        NopOut { delivery, data_len, lun, itt, ttt, cmd_sn, exp_stat_sn }
        ScsiCommand {
            delivery, is_final, read, write, attribute, ahs_words, data_len, lun, itt,
            expected_len, cmd_sn, exp_stat_sn, cdb,
        }
        TaskRequest {
            delivery, function, lun, itt, referenced, cmd_sn, exp_stat_sn, ref_cmd_sn,
            exp_data_sn,
        }
        LoginRequest {
            transit, more_text, current_stage, next_stage, version_max, version_min, data_len,
            isid, tsih, itt, cid, cmd_sn, exp_stat_sn,
        }
        TextRequest { delivery, is_final, more_text, data_len, lun, itt, ttt, cmd_sn, exp_stat_sn }
        DataOut { is_final, data_len, lun, itt, ttt, exp_stat_sn, data_sn, buffer_offset }
        LogoutRequest { delivery, reason, itt, cid, cmd_sn, exp_stat_sn }
        SnackRequest { kind, lun, itt, tag, exp_stat_sn, beg_run, run_length }
    }
}

/// Any SCSI Command, legal or not.
pub fn command(input: &mut Input<'_>) -> ScsiCommand {
    FromInput::from_input(input)
}

/// Implements [`Rules`] for headers that by themselves say nothing wrong.
macro_rules! no_rules {
    ($($pdu:ident,)*) => { $(impl Rules for $pdu {})* };
}

no_rules! {
    TaskResponse, LogoutResponse, AsyncMessage, Reject, TaskRequest, DataOut, LogoutRequest,
    SnackRequest,
}

/// Section 11.19: an answer to a ping of ours, with data; or a ping, without.
impl Rules for NopIn {
    fn is_legal(&self) -> bool {
        match self.itt {
            Some(_) => self.ttt.is_none(),
            None => self.data_len.get() == 0,
        }
    }
}

/// Section 11.4.1: of each two residual flags at most one; they count if the command completed.
impl Rules for ScsiResponse {
    fn is_legal(&self) -> bool {
        let both = self.overflow && self.underflow || self.bidi_overflow && self.bidi_underflow;
        self.response.get() != 0 || !both
    }
}

/// Section 11.13.7: C and T exclude each other. Section 11.12.3: stage 2 is none. After a refusal
/// nothing of it matters.
impl Rules for LoginResponse {
    fn is_legal(&self) -> bool {
        self.status.get() > 0x00ff
            || stages_are_legal(
                self.transit,
                self.more_text,
                self.current_stage,
                self.next_stage,
            )
    }
}

/// Section 11.12.2, and 11.12.3 as above.
impl Rules for LoginRequest {
    fn is_legal(&self) -> bool {
        stages_are_legal(
            self.transit,
            self.more_text,
            self.current_stage,
            self.next_stage,
        )
    }
}

/// Section 11.11.1: without F there is a tag for the next request. Section 11.11.2: F and C
/// exclude each other.
impl Rules for TextResponse {
    fn is_legal(&self) -> bool {
        match self.is_final {
            true => !self.more_text,
            false => self.ttt.is_some(),
        }
    }
}

/// Section 11.10.2.
impl Rules for TextRequest {
    fn is_legal(&self) -> bool {
        !(self.is_final && self.more_text)
    }
}

/// Section 11.7.3: status comes with the last PDU, says that all went well, and one residual at
/// most.
impl Rules for DataIn {
    fn is_legal(&self) -> bool {
        !self.has_status
            || self.is_final
                && !(self.overflow && self.underflow)
                && matches!(self.status.get(), 0x00 | 0x04 | 0x10 | 0x14)
    }
}

/// Section 11.8.4.
impl Rules for R2t {
    fn is_legal(&self) -> bool {
        self.desired_len != 0
    }
}

/// Section 11.18.1: who wants no answer sends at once.
impl Rules for NopOut {
    fn is_legal(&self) -> bool {
        self.itt.is_some() || self.delivery == Delivery::Immediate
    }
}

/// Section 11.3.1: W or F; and data have a direction.
impl Rules for ScsiCommand {
    fn is_legal(&self) -> bool {
        (self.write || self.is_final) && (self.read || self.write || self.expected_len == 0)
    }
}

fn stages_are_legal(transit: bool, more_text: bool, current: Stage, next: Stage) -> bool {
    !(transit && more_text) && current.get() != 2 && !(transit && next.get() == 2)
}
