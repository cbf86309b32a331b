// SPDX-License-Identifier: GPL-2.0

//! The engine's types on their way to the tracepoints, which take numbers.

use crate::{
    linux::trace,
    proto::{
        command::{
            CommandEvent,
            CommandKind,
            CommandState, //
        },
        pdu::{
            self,
            Bhs,
            Cid, //
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

/// The big-endian word at a fixed place of a header.
fn word(header: &Bhs, at: usize) -> u32 {
    header
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
