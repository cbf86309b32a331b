// SPDX-License-Identifier: GPL-2.0

//! Coming and going: RFC 7143 sections 11.12 to 11.15.

use super::{
    code::{
        LoginStatus,
        LoginStatusClass,
        LogoutOutcome,
        LogoutReason,
        Stage, //
    },
    field::{
        Cid,
        Delivery,
        Isid,
        Itt,
        SegmentLen,
        Tsih, //
    },
    PduError, //
};
use crate::proto::sn::{
    CmdSn,
    StatSn, //
};

pdu! {
    /// Login Request, RFC 7143 section 11.12. Always immediate.
    LoginRequest = LOGIN_REQUEST + Data {
        /// T bit: ready for the next stage.
        transit @ 1 & 0x80: bool,
        /// C bit: the text goes on in the next request.
        more_text @ 1 & 0x40: bool,
        /// CSG, the current stage.
        current_stage @ 1 & 0x0c: Stage,
        /// NSG, the next stage; valid with T.
        next_stage @ 1 & 0x03: Stage,
        /// Highest protocol version supported: 0.
        version_max @ 2: u8,
        /// Lowest protocol version supported: 0.
        version_min @ 3: u8,
        /// Bytes of text.
        data_len @ 5: SegmentLen,
        /// The initiator's part of the session's name.
        isid @ 8: Isid,
        /// The target's part; `None` asks for a new session.
        tsih @ 14: Option<Tsih>,
        /// The same for all requests of this login.
        itt @ 16: Itt,
        /// Names the connection within the session.
        cid @ 20: Cid,
        /// First CmdSN of a new session, else the current one.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges Login Responses.
        exp_stat_sn @ 28: StatSn,
    }
    fixed { 0 & 0x40 = 1 }
    refuse |header| {
        // Section 11.12.2.
        header.more_text && header.transit => PduError::ContinueWithFinal,
        // Section 11.12.3.
        header.current_stage.name().is_none() => PduError::ReservedStage,
        header.transit && header.next_stage.name().is_none() => PduError::ReservedStage,
    }
}

pdu! {
    /// Login Response, RFC 7143 section 11.13.
    LoginResponse = LOGIN_RESPONSE + Data {
        /// T bit: the stage ends.
        transit @ 1 & 0x80: bool,
        /// C bit: the text goes on in the next response.
        more_text @ 1 & 0x40: bool,
        /// CSG, the current stage.
        current_stage @ 1 & 0x0c: Stage,
        /// NSG, the next stage; valid with T.
        next_stage @ 1 & 0x03: Stage,
        /// Highest protocol version the target supports.
        version_max @ 2: u8,
        /// The protocol version in use.
        version_active @ 3: u8,
        /// Bytes of text.
        data_len @ 5: SegmentLen,
        /// The initiator's part of the session's name.
        isid @ 8: Isid,
        /// The target's part; new in the last response of a new session.
        tsih @ 14: Option<Tsih>,
        /// The login this answers.
        itt @ 16: Itt,
        /// Number of this status; valid if the class is success, like the two below.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// Status-Class and Status-Detail.
        status @ 36: LoginStatus,
    }
    refuse |header| {
        // Section 11.13.7. All that follows is only meant if the login goes on.
        succeeds(header) && header.more_text && header.transit => PduError::ContinueWithFinal,
        // Section 11.12.3.
        succeeds(header) && header.current_stage.name().is_none() => PduError::ReservedStage,
        succeeds(header) && header.transit && header.next_stage.name().is_none()
            => PduError::ReservedStage,
    }
}

/// Whether the login goes on.
fn succeeds(header: &LoginResponse) -> bool {
    header.status.class() == LoginStatusClass::Success
}

pdu! {
    /// Logout Request, RFC 7143 section 11.14.
    LogoutRequest = LOGOUT_REQUEST + Bare {
        /// I bit.
        delivery @ 0 & 0x40: Delivery,
        /// What to close, and why.
        reason @ 1 & 0x7f: LogoutReason,
        /// Names this request.
        itt @ 16: Itt,
        /// The connection to close; reserved if the session is closed.
        cid @ 20: Cid,
        /// Number of the command.
        cmd_sn @ 24: CmdSn,
        /// Acknowledges statuses.
        exp_stat_sn @ 28: StatSn,
    }
    fixed { 1 & 0x80 = 1 }
}

pdu! {
    /// Logout Response, RFC 7143 section 11.15.
    LogoutResponse = LOGOUT_RESPONSE + Bare {
        /// How it ended.
        outcome @ 2: LogoutOutcome,
        /// The request that ends.
        itt @ 16: Itt,
        /// Number of this status.
        stat_sn @ 24: StatSn,
        /// Acknowledges commands.
        exp_cmd_sn @ 28: CmdSn,
        /// Last command that may be sent.
        max_cmd_sn @ 32: CmdSn,
        /// Time2Wait in seconds.
        time2wait @ 40: u16,
        /// Time2Retain in seconds.
        time2retain @ 42: u16,
    }
    fixed { 1 & 0x80 = 1 }
}

impl LogoutResponse {
    /// Seconds that have to pass before the next login, which is an implicit logout (sections 7.5 and
    /// 11.15.3); `None` if this says nothing of it. For sessions of an ErrorRecoveryLevel below 2.
    pub const fn time_to_wait(&self) -> Option<u16> {
        match self.outcome {
            LogoutOutcome::CLOSED => Some(0),
            LogoutOutcome::NO_RECOVERY | LogoutOutcome::CLEANUP_FAILED => Some(self.time2wait),
            _ => None,
        }
    }
}
