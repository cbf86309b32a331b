// SPDX-License-Identifier: GPL-2.0

//! Short answers, taken in the softirq that brings them: the RX thread need not wake up for them.
//!
//! Only whole PDUs that are as they should be are taken here, each in one go: when this returns,
//! nothing is left half done, and no page of a command is held. Everything else, errors included, is
//! left untouched for the RX thread, which then finds the same bytes.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    session::{
        Completer,
        Session, //
    },
    task::{
        Outcome,
        ScsiTask,
        TaskTable, //
    },
    trace, //
};
use crate::{
    linux::{
        arrivals::{
            Arrived,
            Next,
            Taker, //
        },
        bvec::BioVec,
        crc32c,
        scsi::{
            Direction,
            HostStatus, //
        },
    },
    proto::{
        command::CommandState,
        data_in::{
            self,
            Residual,
            Verdict, //
        },
        pdu::{
            self,
            Bhs,
            DataIn,
            Opcode,
            ScsiResponse,
            ScsiStatus,
            SegmentLens,
            StatSnUse,
            TargetPdu, //
        },
        sn::WindowUpdate,
        violation::Violation,
    },
};

/// The longest PDU taken here, in bytes: copying it must not keep softirqs off for long.
const MAX_BYTES: u32 = 16 * 1024;

/// What is taken at one time, in bytes, where a PDU counts for at least [`LEAST_BYTES`]: then the
/// thread goes on, which does not keep others from the processor.
const ROUND_BYTES: u32 = 256 * 1024;

/// What a PDU costs whatever its length, in bytes copied.
const LEAST_BYTES: u32 = 4 * 1024;

/// Pieces of memory that the data of such a PDU may go to.
const MAX_PIECES: usize = 8;

/// The receiving side of a connection: what the RX thread and the softirq have in common.
///
/// One of the two is at work at a time: see [`Arrivals`](crate::linux::arrivals::Arrivals).
pub(super) struct Receiver<'a> {
    pub(super) session: &'a Session,
    pub(super) conn: &'a Connection,
}

/// A PDU that is there as a whole.
struct Whole<'a, 'b> {
    arrived: &'a Arrived<'b>,
    header: &'a Bhs,
    lens: &'a SegmentLens,
    /// Where the data segment begins.
    data_at: u32,
}

impl Taker for Receiver<'_> {
    /// NOTE: not in a submitter, which may be deep in a file system and uses the reserves: where the
    /// kernel has one processor, completions run to their end in here.
    fn may_take_in_sender(&self) -> bool {
        !self.conn.has_submitter()
    }

    fn take(&self, arrived: &mut Arrived<'_>) -> Next {
        const HEADER: u32 = pdu::BHS_LEN as u32;
        let mut taken = 0;
        loop {
            if arrived.len() < HEADER {
                return Next::Bytes(HEADER);
            }
            if taken >= ROUND_BYTES {
                return Next::Wake;
            }
            let mut header: Bhs = [0; pdu::BHS_LEN];
            if !arrived.peek(0, &mut header) {
                return Next::Wake;
            }
            if !matches!(
                pdu::opcode(&header),
                Opcode::DATA_IN | Opcode::SCSI_RESPONSE
            ) {
                return Next::Wake;
            }
            let Ok(lens) = self.lens(&header) else {
                return Next::Wake;
            };
            let data_at = HEADER + lens.header_digest;
            let total = lens.total();
            if lens.ahs > 0 || total > MAX_BYTES {
                return Next::Wake;
            }
            if arrived.len() < total {
                return Next::Bytes(total);
            }
            let whole = Whole {
                arrived,
                header: &header,
                lens: &lens,
                data_at,
            };
            if self.take_whole(&whole).is_none() {
                return Next::Wake;
            }
            arrived.consume(total);
            taken += total.max(LEAST_BYTES);
            self.conn.count_received(total as usize);
        }
    }
}

impl Receiver<'_> {
    /// What follows a header.
    pub(super) fn lens(&self, header: &Bhs) -> Result<SegmentLens, ConnectionError> {
        SegmentLens::of(
            header,
            self.conn.limits.max_recv_segment,
            self.conn.header_digest,
            self.conn.data_digest,
        )
        .map_err(|error| {
            // The length is not to be trusted if the digest says so; and if it is right, the PDU is
            // one that we have not allowed.
            let opcode = pdu::opcode(header);
            ConnectionError::Protocol(Violation::Pdu { opcode, error })
        })
    }

    /// Looks at the StatSN of a PDU of which the header is there.
    pub(super) fn check_status(&self, pdu: &TargetPdu) -> Result<(), ConnectionError> {
        let expected = self.conn.exp_stat_sn();
        match pdu.stat_sn() {
            StatSnUse::Takes(got) if got != expected => Err(Violation::StatSn {
                opcode: pdu.opcode(),
                expected,
                got,
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Takes the StatSN of a PDU that is there as a whole: from now on it is acknowledged, RFC 7143
    /// section 4.2.2.2.
    pub(super) fn take_status(&self, pdu: &TargetPdu) {
        if let StatSnUse::Takes(sn) = pdu.stat_sn() {
            self.conn.accept_stat_sn(sn);
        }
    }

    /// Takes the window of a PDU, RFC 7143 section 4.2.2.1.
    pub(super) fn update_window(&self, pdu: &TargetPdu) {
        if let Some((exp, max)) = pdu.window() {
            let update = self.session.window.lock().handle_update(exp, max);
            if update == WindowUpdate::Opened && !self.session.pending.is_empty() {
                self.session.tx_event.signal();
            }
        }
    }

    /// What to tell the mid-layer of a command that this response ends, RFC 7143 section 11.4.
    pub(super) fn outcome(&self, scsi: &ScsiTask, response: &ScsiResponse) -> Outcome {
        let Some((status, residual)) = response.ending() else {
            // The target could not execute it at all, RFC 7143 section 11.4.3.
            return Outcome::transport(HostStatus::Error);
        };
        let moved = match scsi.direction {
            Direction::None => 0,
            Direction::Read => scsi.data_in.received(),
            // Only the target knows what of it was taken, but no more than we have sent.
            Direction::Write => match residual {
                Residual::Underflow(count) => scsi.expected.saturating_sub(count),
                Residual::None | Residual::Overflow(_) => scsi.expected,
            }
            .min(scsi.sent()),
        };
        self.settle(scsi.expected, moved, status, residual)
    }

    /// What to tell the mid-layer of a command that has ended with a SCSI status.
    pub(super) fn settle(
        &self,
        expected: u32,
        moved: u32,
        status: ScsiStatus,
        residual: Residual,
    ) -> Outcome {
        let settled = data_in::settle(expected, moved, residual);
        let host = match settled.verdict {
            Verdict::Agrees => HostStatus::Ok,
            // Bytes are missing and the target says that none are: nothing of it can be trusted.
            // With a status other than GOOD there is nothing to trust to begin with.
            Verdict::Missing | Verdict::Implausible if status == ScsiStatus::GOOD => {
                HostStatus::Error
            }
            Verdict::Missing | Verdict::Implausible => HostStatus::Ok,
        };
        Outcome {
            host,
            status: status.get(),
            residual: settled.residual,
        }
    }

    /// Takes a PDU; `None` leaves it to the RX thread, with nothing changed.
    fn take_whole(&self, whole: &Whole<'_, '_>) -> Option<()> {
        if whole.lens.header_digest > 0 {
            let mut got = [0; crc32c::DIGEST_LEN];
            let there = whole.arrived.peek(pdu::BHS_LEN as u32, &mut got);
            if !there || got != crc32c::Digest::of(whole.header) {
                return None;
            }
        }
        let pdu = TargetPdu::parse(whole.header).ok()?;
        self.check_status(&pdu).ok()?;
        match &pdu {
            TargetPdu::DataIn(data) => self.take_data(&pdu, data, whole),
            TargetPdu::ScsiResponse(response) if whole.lens.data.get() == 0 => {
                self.take_response(&pdu, response, whole)
            }
            _ => None,
        }
    }

    /// Data of a read.
    fn take_data(&self, pdu: &TargetPdu, data: &DataIn, whole: &Whole<'_, '_>) -> Option<()> {
        let mut guard = self.session.tasks.find(data.itt)?;
        if guard.state() != CommandState::Active {
            return None;
        }
        let scsi = guard.scsi()?;
        if scsi.direction != Direction::Read || scsi.is_held() || scsi.outcome.is_some() {
            return None;
        }
        let mut tracker = scsi.data_in;
        let span = tracker.accept(data).ok()?;
        let len = whole.lens.data.get();
        if len > 0 {
            let mut pieces = [BioVec::EMPTY; MAX_PIECES];
            let (count, bytes) = scsi.command.pieces(span.offset, len, &mut pieces);
            let pieces = pieces.get(..count)?;
            if bytes != len || !whole.arrived.peek_into(whole.data_at, pieces) {
                return None;
            }
            if whole.lens.data_digest > 0 && !digest_is_right(whole, pieces) {
                return None;
            }
        }
        scsi.data_in = tracker;
        let outcome = data.ending().map(|(status, residual)| {
            self.settle(scsi.expected, tracker.received(), status, residual)
        });
        self.accept(pdu, whole);
        if let Some(outcome) = outcome {
            let tag = TaskTable::index_of(data.itt);
            self.session
                .answered(tag, guard, outcome, Completer::Softirq);
        }
        Some(())
    }

    /// The end of a command, without sense data.
    fn take_response(
        &self,
        pdu: &TargetPdu,
        response: &ScsiResponse,
        whole: &Whole<'_, '_>,
    ) -> Option<()> {
        let mut guard = self.session.tasks.find(response.itt)?;
        if guard.state() != CommandState::Active {
            return None;
        }
        let outcome = self.outcome(guard.scsi()?, response);
        self.accept(pdu, whole);
        let tag = TaskTable::index_of(response.itt);
        self.session
            .answered(tag, guard, outcome, Completer::Softirq);
        Some(())
    }

    /// Takes what every PDU brings. Nothing can go wrong any more.
    fn accept(&self, pdu: &TargetPdu, whole: &Whole<'_, '_>) {
        self.conn.touch();
        trace::received(self.session.id, self.conn.cid, whole.header);
        self.take_status(pdu);
        self.update_window(pdu);
    }
}

/// Whether the data digest is that of the bytes that were copied to `pieces`, and the padding.
fn digest_is_right(whole: &Whole<'_, '_>, pieces: &[BioVec]) -> bool {
    let mut digest = crc32c::Digest::new();
    for piece in pieces {
        piece.with_bytes(|bytes| digest.update(bytes));
    }
    let mut padding = [0; 3];
    let (padding, _) = padding.split_at_mut((whole.lens.padding as usize).min(3));
    let padding_at = whole.data_at + whole.lens.data.get();
    let mut got = [0; crc32c::DIGEST_LEN];
    let there = whole.arrived.peek(padding_at, padding)
        && whole
            .arrived
            .peek(padding_at + whole.lens.padding, &mut got);
    digest.update(padding);
    there && got == digest.finish()
}
