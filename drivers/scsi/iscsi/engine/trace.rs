// SPDX-License-Identifier: GPL-2.0

//! The engine's types on their way to the tracepoints, which take numbers.

use super::{
    connection::ConnectionError,
    report::Text, //
};
use crate::{
    linux::trace::{
        self,
        Fault, //
    },
    proto::{
        command::{
            CommandEvent,
            CommandKind,
            CommandState, //
        },
        pdu::{
            self,
            Bhs,
            Cid,
            LoginStatus,
            RejectReason,
            Tsih, //
        },
    },
};

/// A command has taken an event.
pub(super) fn command(
    session: u32,
    itt: u32,
    kind: CommandKind,
    old: CommandState,
    event: CommandEvent,
    new: CommandState,
) {
    let number = match event {
        CommandEvent::Submitted => 1,
        CommandEvent::Picked(_) => 2,
        CommandEvent::Answered(_) => 3,
        CommandEvent::AbortWanted => 4,
        CommandEvent::TimedOut => 6,
        CommandEvent::Disturbed(_) => 7,
        CommandEvent::Delivered => 8,
        CommandEvent::Released => 9,
        CommandEvent::ChasedEnded => 10,
    };
    trace::cmd_state(session, itt, kind as u8, old as u8, number, new as u8);
}

/// A PDU is about to be sent.
pub(super) fn sent(session: u32, cid: Cid, header: &Bhs) {
    trace::pdu_tx(
        session,
        cid.0,
        pdu::opcode(header).get(),
        word(header, 16),
        word(header, 24),
        word(header, 28),
        pdu::data_segment_length(header),
    );
}

/// The header of a PDU has been received.
pub(super) fn received(session: u32, cid: Cid, header: &Bhs) {
    trace::pdu_rx(
        session,
        cid.0,
        pdu::opcode(header).get(),
        word(header, 16),
        word(header, 24),
        word(header, 28),
        word(header, 32),
        pdu::data_segment_length(header),
    );
}

/// A connection fails. Later reports of the same end are traced too.
pub(super) fn fault(session: u32, cid: Cid, error: ConnectionError) {
    let (fault, detail) = match error {
        ConnectionError::Transport(error) => (Fault::Transport, error.to_errno()),
        ConnectionError::ClosedByTarget
        | ConnectionError::AskedByTarget
        | ConnectionError::Reset => (Fault::Transport, 0),
        ConnectionError::HeaderDigest => (Fault::HeaderDigest, 0),
        ConnectionError::DataDigest => (Fault::DataDigest, 0),
        ConnectionError::Protocol(_) => (Fault::Protocol, 0),
        ConnectionError::Internal(_) => (Fault::Internal, 0),
        ConnectionError::NopTimeout
        | ConnectionError::ManagementTimeout
        | ConnectionError::RemovalTimeout => (Fault::Timeout, 0),
        ConnectionError::Rejected(reason) => (Fault::Reject, i32::from(reason.get())),
    };
    let mut reason = Text::new();
    reason.append(format_args!("{error}"));
    trace::fault(session, cid.0, fault, detail, reason.as_str());
}

/// The target has sent a Reject.
pub(super) fn rejected(session: u32, cid: Cid, reason: RejectReason) {
    let text = reason.name().unwrap_or("");
    trace::fault(session, cid.0, Fault::Reject, i32::from(reason.get()), text);
}

/// A state machine was given an event that it cannot take: a mistake of ours. `number` is the
/// task's.
pub(super) fn impossible(session: u32, number: u32) {
    trace::fault(session, 0, Fault::Internal, number as i32, "");
}

/// The target has answered a login request.
pub(super) fn login(session: u32, cid: Cid, status: LoginStatus, tsih: Option<Tsih>) {
    let [class, detail] = status.get().to_be_bytes();
    trace::login(session, cid.0, class, detail, tsih.map_or(0, Tsih::get));
}

/// The big-endian word at a fixed place of a header.
fn word(header: &Bhs, at: usize) -> u32 {
    header
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
