// SPDX-License-Identifier: GPL-2.0

//! Every code of RFC 7143 section 11: opcodes, functions, responses, reasons.

use super::{
    field::field,
    table::{
        put,
        take,
        Bits,
        Field, //
    },
    Bhs,
    PduError, //
};

codes! {
    /// Kind of a PDU, RFC 7143 section 11.2.1.2.
    Opcode(u8) {
        /// NOP-Out, section 11.18.
        NOP_OUT = 0x00 "NOP-Out",
        /// SCSI Command, section 11.3.
        SCSI_COMMAND = 0x01 "SCSI Command",
        /// Task Management Function Request, section 11.5.
        TASK_REQUEST = 0x02 "Task Management Function Request",
        /// Login Request, section 11.12.
        LOGIN_REQUEST = 0x03 "Login Request",
        /// Text Request, section 11.10.
        TEXT_REQUEST = 0x04 "Text Request",
        /// SCSI Data-Out, section 11.7.
        DATA_OUT = 0x05 "SCSI Data-Out",
        /// Logout Request, section 11.14.
        LOGOUT_REQUEST = 0x06 "Logout Request",
        /// SNACK Request, section 11.16.
        SNACK_REQUEST = 0x10 "SNACK Request",
        /// NOP-In, section 11.19.
        NOP_IN = 0x20 "NOP-In",
        /// SCSI Response, section 11.4.
        SCSI_RESPONSE = 0x21 "SCSI Response",
        /// Task Management Function Response, section 11.6.
        TASK_RESPONSE = 0x22 "Task Management Function Response",
        /// Login Response, section 11.13.
        LOGIN_RESPONSE = 0x23 "Login Response",
        /// Text Response, section 11.11.
        TEXT_RESPONSE = 0x24 "Text Response",
        /// SCSI Data-In, section 11.7.
        DATA_IN = 0x25 "SCSI Data-In",
        /// Logout Response, section 11.15.
        LOGOUT_RESPONSE = 0x26 "Logout Response",
        /// Ready To Transfer, section 11.8.
        R2T = 0x31 "Ready To Transfer",
        /// Asynchronous Message, section 11.9.
        ASYNC_MESSAGE = 0x32 "Asynchronous Message",
        /// Reject, section 11.17.
        REJECT = 0x3f "Reject",
    }

    /// Task attribute of a command, RFC 7143 section 11.3.1.
    TaskAttribute(u8) {
        /// No tag; treated like a simple task.
        UNTAGGED = 0 "untagged",
        /// May be reordered among simple tasks.
        SIMPLE = 1 "simple",
        /// Waits for all tasks before it.
        ORDERED = 2 "ordered",
        /// Goes before all tasks that wait.
        HEAD_OF_QUEUE = 3 "head of queue",
        /// Runs while an auto contingent allegiance holds.
        ACA = 4 "ACA",
    }

    /// SCSI status of a command, RFC 7143 section 11.4.2 and SAM.
    ScsiStatus(u8) {
        /// Done.
        GOOD = 0x00 "GOOD",
        /// Sense data says more.
        CHECK_CONDITION = 0x02 "CHECK CONDITION",
        /// A search found what it looked for.
        CONDITION_MET = 0x04 "CONDITION MET",
        /// The logical unit is busy.
        BUSY = 0x08 "BUSY",
        /// Good, within linked commands.
        INTERMEDIATE = 0x10 "INTERMEDIATE",
        /// Condition met, within linked commands.
        INTERMEDIATE_CONDITION_MET = 0x14 "INTERMEDIATE-CONDITION MET",
        /// Another initiator holds a reservation.
        RESERVATION_CONFLICT = 0x18 "RESERVATION CONFLICT",
        /// No room for one more task.
        TASK_SET_FULL = 0x28 "TASK SET FULL",
        /// An auto contingent allegiance holds.
        ACA_ACTIVE = 0x30 "ACA ACTIVE",
        /// Another initiator aborted the task.
        TASK_ABORTED = 0x40 "TASK ABORTED",
    }

    /// iSCSI service response to a command, RFC 7143 section 11.4.3.
    ServiceResponse(u8) {
        /// The SCSI status is valid.
        COMPLETED = 0x00 "command completed at target",
        /// The target could not execute the command.
        TARGET_FAILURE = 0x01 "target failure",
    }

    /// Task management function, RFC 7143 section 11.5.1 and RFC 7144 section 6.3.
    TaskFunction(u8) {
        /// Aborts the referenced task.
        ABORT_TASK = 1 "ABORT TASK",
        /// Aborts all tasks of this session on the logical unit.
        ABORT_TASK_SET = 2 "ABORT TASK SET",
        /// Clears the auto contingent allegiance.
        CLEAR_ACA = 3 "CLEAR ACA",
        /// Aborts all tasks of the task set.
        CLEAR_TASK_SET = 4 "CLEAR TASK SET",
        /// Resets the logical unit.
        LOGICAL_UNIT_RESET = 5 "LOGICAL UNIT RESET",
        /// Resets all logical units.
        TARGET_WARM_RESET = 6 "TARGET WARM RESET",
        /// Resets all logical units and closes all connections.
        TARGET_COLD_RESET = 7 "TARGET COLD RESET",
        /// Moves a task to this connection.
        TASK_REASSIGN = 8 "TASK REASSIGN",
        /// Asks whether the referenced task exists.
        QUERY_TASK = 9 "QUERY TASK",
        /// Asks whether any task exists on the logical unit.
        QUERY_TASK_SET = 10 "QUERY TASK SET",
        /// Aborts all tasks of the nexus.
        I_T_NEXUS_RESET = 11 "I_T NEXUS RESET",
        /// Asks for pending unit attentions.
        QUERY_ASYNCHRONOUS_EVENT = 12 "QUERY ASYNCHRONOUS EVENT",
    }

    /// Response to a task management function, RFC 7143 section 11.6.1 and RFC 7144 section 6.4.
    TaskFunctionResponse(u8) {
        /// Done.
        COMPLETE = 0 "function complete",
        /// There is no such task.
        NO_TASK = 1 "task does not exist",
        /// There is no such logical unit.
        NO_LUN = 2 "LUN does not exist",
        /// The task still belongs to a live connection.
        STILL_ALLEGIANT = 3 "task still allegiant",
        /// Tasks cannot be reassigned here.
        NO_REASSIGNMENT = 4 "task allegiance reassignment not supported",
        /// The target does not know the function.
        NOT_SUPPORTED = 5 "task management function not supported",
        /// The initiator is not allowed to do this.
        NOT_AUTHORIZED = 6 "function authorization failed",
        /// Done, and the answer to a query is yes.
        SUCCEEDED = 7 "function succeeded",
        /// Refused.
        REJECTED = 255 "function rejected",
    }

    /// What an asynchronous message announces, RFC 7143 section 11.9.1.
    AsyncEvent(u8) {
        /// A SCSI event; sense data says which.
        SCSI = 0 "SCSI asynchronous event",
        /// The target asks for a logout.
        LOGOUT_REQUEST = 1 "logout request",
        /// The target is about to drop a connection.
        CONNECTION_DROP = 2 "connection drop notification",
        /// The target is about to drop the session.
        SESSION_DROP = 3 "session drop notification",
        /// The target asks for a text negotiation.
        NEGOTIATION_REQUEST = 4 "negotiation request",
        /// All tasks of a logical unit are being terminated.
        TASK_TERMINATION = 5 "task termination",
    }

    /// Stage of the login phase, RFC 7143 section 11.12.3.
    Stage(u8) {
        /// SecurityNegotiation.
        SECURITY = 0 "SecurityNegotiation",
        /// LoginOperationalNegotiation.
        OPERATIONAL = 1 "LoginOperationalNegotiation",
        /// FullFeaturePhase.
        FULL_FEATURE = 3 "FullFeaturePhase",
    }

    /// Status-Class and Status-Detail of a login, RFC 7143 section 11.13.5.
    LoginStatus(u16) {
        /// Login is proceeding.
        SUCCESS = 0x0000 "success",
        /// The target is at another address for now.
        MOVED_TEMPORARILY = 0x0101 "target moved temporarily",
        /// The target is at another address.
        MOVED_PERMANENTLY = 0x0102 "target moved permanently",
        /// Some fault of the initiator.
        INITIATOR_ERROR = 0x0200 "initiator error",
        /// The initiator did not prove who it is.
        AUTHENTICATION_FAILURE = 0x0201 "authentication failure",
        /// The initiator may not use the target.
        AUTHORIZATION_FAILURE = 0x0202 "authorization failure",
        /// There is no such target here.
        NOT_FOUND = 0x0203 "target not found",
        /// The target is gone for good.
        TARGET_REMOVED = 0x0204 "target removed",
        /// No common protocol version.
        UNSUPPORTED_VERSION = 0x0205 "unsupported version",
        /// The session has too many connections.
        TOO_MANY_CONNECTIONS = 0x0206 "too many connections",
        /// A key is missing.
        MISSING_PARAMETER = 0x0207 "missing parameter",
        /// The session cannot span to this connection.
        CANNOT_INCLUDE = 0x0208 "can't include in session",
        /// The target does not offer this type of session.
        SESSION_TYPE_NOT_SUPPORTED = 0x0209 "session type not supported",
        /// There is no session to add the connection to.
        SESSION_DOES_NOT_EXIST = 0x020a "session does not exist",
        /// A request that must not be sent during login.
        INVALID_DURING_LOGIN = 0x020b "invalid request during login",
        /// Some fault of the target.
        TARGET_ERROR = 0x0300 "target error",
        /// The target is not operational now.
        SERVICE_UNAVAILABLE = 0x0301 "service unavailable",
        /// The target lacks resources.
        OUT_OF_RESOURCES = 0x0302 "out of resources",
    }

    /// Why the initiator logs out, RFC 7143 section 11.14.1.
    LogoutReason(u8) {
        /// Closes the session.
        CLOSE_SESSION = 0 "close the session",
        /// Closes one connection.
        CLOSE_CONNECTION = 1 "close the connection",
        /// Closes one connection whose tasks will be reassigned.
        RECOVERY = 2 "remove the connection for recovery",
    }

    /// How a logout ended, RFC 7143 section 11.15.1.
    LogoutOutcome(u8) {
        /// Closed.
        CLOSED = 0 "connection or session closed successfully",
        /// There is no such connection.
        NO_CID = 1 "CID not found",
        /// The target does not recover connections.
        NO_RECOVERY = 2 "connection recovery is not supported",
        /// The target could not clean up.
        CLEANUP_FAILED = 3 "cleanup failed",
    }

    /// What a SNACK asks for, RFC 7143 section 11.16.1.
    SnackType(u8) {
        /// Data-In or R2T PDUs again.
        DATA_OR_R2T = 0 "Data/R2T SNACK",
        /// Responses again.
        STATUS = 1 "Status SNACK",
        /// Nothing: acknowledges Data-In PDUs.
        DATA_ACK = 2 "DataACK",
        /// Data-In PDUs again, possibly cut in other pieces.
        R_DATA = 3 "R-Data SNACK",
    }

    /// Why a PDU is rejected, RFC 7143 section 11.17.1.
    RejectReason(u8) {
        /// The digest of the data segment is wrong.
        DATA_DIGEST_ERROR = 0x02 "data digest error",
        /// The SNACK cannot be served.
        SNACK_REJECT = 0x03 "SNACK reject",
        /// The PDU breaks the protocol.
        PROTOCOL_ERROR = 0x04 "protocol error",
        /// The target does not know the command.
        NOT_SUPPORTED = 0x05 "command not supported",
        /// Too many immediate commands.
        TOO_MANY_IMMEDIATE = 0x06 "immediate command reject",
        /// The task is in progress.
        TASK_IN_PROGRESS = 0x07 "task in progress",
        /// The data acknowledged were not sent.
        INVALID_DATA_ACK = 0x08 "invalid data ack",
        /// A field of the PDU is wrong.
        INVALID_FIELD = 0x09 "invalid PDU field",
        /// The target is out of transfer tags.
        LONG_OPERATION = 0x0a "long operation reject",
        /// Deprecated; ends the login phase if received.
        NEGOTIATION_RESET = 0x0b "negotiation reset",
        /// The target waits for a logout.
        WAITING_FOR_LOGOUT = 0x0c "waiting for logout",
    }
}

/// Status-Class of a login, RFC 7143 section 11.13.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginStatusClass {
    /// The request is accepted.
    Success,
    /// TargetAddress says where to go.
    Redirection,
    /// Not to be tried again as it is.
    InitiatorError,
    /// May be tried again later.
    TargetError,
    /// A reserved class.
    Reserved(u8),
}

impl LoginStatus {
    /// The class alone, which is enough to decide what to do.
    pub const fn class(self) -> LoginStatusClass {
        let [class, _] = self.get().to_be_bytes();
        match class {
            0 => LoginStatusClass::Success,
            1 => LoginStatusClass::Redirection,
            2 => LoginStatusClass::InitiatorError,
            3 => LoginStatusClass::TargetError,
            other => LoginStatusClass::Reserved(other),
        }
    }
}

/// Implements [`Bits`] for codes that share their byte.
macro_rules! bits {
    ($($name:ident)*) => { $(
        impl Bits for $name {
            fn from_bits(bits: u8) -> Self {
                Self::new(bits)
            }

            fn into_bits(self) -> u8 {
                self.get()
            }
        }
    )* };
}

bits! { TaskAttribute TaskFunction Stage LogoutReason SnackType }

field! {
    ScsiStatus, 1: |[raw]: [u8; 1]| ScsiStatus::new(raw), |code: ScsiStatus| [code.get()];
    ServiceResponse, 1: |[raw]: [u8; 1]| ServiceResponse::new(raw),
        |code: ServiceResponse| [code.get()];
    TaskFunctionResponse, 1: |[raw]: [u8; 1]| TaskFunctionResponse::new(raw),
        |code: TaskFunctionResponse| [code.get()];
    AsyncEvent, 1: |[raw]: [u8; 1]| AsyncEvent::new(raw), |code: AsyncEvent| [code.get()];
    LoginStatus, 2: |raw| LoginStatus::new(u16::from_be_bytes(raw)),
        |code: LoginStatus| code.get().to_be_bytes();
    LogoutOutcome, 1: |[raw]: [u8; 1]| LogoutOutcome::new(raw),
        |code: LogoutOutcome| [code.get()];
    RejectReason, 1: |[raw]: [u8; 1]| RejectReason::new(raw), |code: RejectReason| [code.get()];
}
