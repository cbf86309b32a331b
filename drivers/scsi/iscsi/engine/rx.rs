// SPDX-License-Identifier: GPL-2.0

//! The RX thread of a connection: reads what is not taken as it arrives (see [`super::express`]),
//! data straight into the pages of the command it belongs to.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    express::Receiver,
    session::{
        Completer,
        Session, //
    },
    task::{
        TaskGuard,
        TaskTable,
        Work, //
    },
    trace, //
};
use crate::{
    linux::{
        arrivals::Arrivals,
        bvec::BioVec,
        crc32c,
        memalloc::NoIo,
        scsi::Direction, //
    },
    proto::{
        command::{
            Answer,
            CommandEvent,
            CommandState, //
        },
        data_in::SenseSegment,
        pdu::{
            self,
            AsyncEvent,
            AsyncMessage,
            Bhs,
            DataIn,
            Itt,
            NopIn,
            Opcode,
            R2t,
            Reject,
            ScsiResponse,
            SegmentLens,
            TargetPdu, //
        },
        violation::Violation,
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Pieces that one receive fills at most.
const MAX_PIECES: usize = 64;

/// How much is kept of a data segment that does not go to a command: sense data, the header inside
/// a Reject. What is longer is read and forgotten.
const KEPT_BYTES: usize = 512;

/// Padding and data digest behind a data segment.
const TAIL_BYTES: usize = 7;

/// The body of the RX thread.
///
/// # Context
///
/// Allocates without I/O: memory may be waiting for the answers that it reads. It may not use the
/// reserves, as completing commands runs code of others.
pub(super) fn run((session, conn): (Arc<Session>, Arc<Connection>)) {
    let _no_io = NoIo::enter();
    let receiver = Receiver {
        session: &session,
        conn: &conn,
    };
    Arrivals::with(&conn.socket, &receiver, |arrivals| {
        let reader = Reader {
            session: &session,
            conn: &conn,
            receiver: &receiver,
            arrivals,
        };
        while conn.error().is_none() {
            // Short answers are taken meanwhile.
            arrivals.wait();
            if conn.error().is_some() {
                break;
            }
            if let Err(error) = reader.receive_pdu() {
                session.connection_failed(&conn, error);
            }
        }
    });
}

/// One RX thread at work.
struct Reader<'a> {
    session: &'a Session,
    conn: &'a Connection,
    receiver: &'a Receiver<'a>,
    arrivals: &'a Arrivals<'a, Receiver<'a>>,
}

impl Reader<'_> {
    /// Receives and handles one PDU.
    fn receive_pdu(&self) -> Result<(), ConnectionError> {
        let mut header: Bhs = [0; 48];
        self.read(&mut header)?;
        self.conn.touch();
        trace::received(self.session.id, self.conn.cid, &header);

        let lens = self.receiver.lens(&header)?;
        self.read_rest_of_header(&header, &lens)?;
        let pdu = TargetPdu::parse(&header).map_err(|error| {
            let opcode = pdu::opcode(&header);
            ConnectionError::Protocol(Violation::Pdu { opcode, error })
        })?;
        self.receiver.check_status(&pdu)?;
        self.receiver.update_window(&pdu);
        self.handle(&pdu, &lens)?;
        // Not before the data has come, or a command that goes out meanwhile acknowledges too much.
        self.receiver.take_status(&pdu);
        Ok(())
    }

    /// Does what a PDU is for, and receives its data segment.
    fn handle(&self, pdu: &TargetPdu, lens: &SegmentLens) -> Result<(), ConnectionError> {
        match pdu {
            TargetPdu::DataIn(data) => return self.data_in(data, lens),
            TargetPdu::R2t(r2t) => self.r2t(r2t)?,
            TargetPdu::ScsiResponse(response) => return self.scsi_response(response, lens),
            TargetPdu::NopIn(nop) => self.nop_in(nop)?,
            TargetPdu::TaskResponse(response) => {
                self.own_answer(response.itt, response.response.get(), true)
            }
            TargetPdu::LogoutResponse(response) => {
                self.note_time_to_wait(response.time_to_wait());
                self.own_answer(response.itt, response.outcome.get(), true)
            }
            TargetPdu::AsyncMessage(message) => self.async_message(message)?,
            TargetPdu::Reject(reject) => return self.reject(reject, lens),
            TargetPdu::LoginResponse(_) | TargetPdu::TextResponse(_) => {
                return Err(Violation::Unasked(pdu.opcode()).into())
            }
        }
        self.skip_data(lens)
    }

    fn read(&self, buf: &mut [u8]) -> Result<(), ConnectionError> {
        self.arrivals.announce(buf.len() as u32);
        self.conn.socket.recv_into(buf).map_err(lost)?;
        self.conn.count_received(buf.len());
        Ok(())
    }

    /// Reads additional header segments, which no PDU of a target needs, and checks the digest.
    fn read_rest_of_header(&self, header: &Bhs, lens: &SegmentLens) -> Result<(), ConnectionError> {
        if lens.ahs == 0 && lens.header_digest == 0 {
            return Ok(());
        }
        let mut digest = crc32c::Digest::new();
        digest.update(header);
        let mut left = lens.ahs as usize;
        while left > 0 {
            let mut buf = [0; 64];
            let take = left.min(buf.len());
            let (part, _) = buf.split_at_mut(take);
            self.read(part)?;
            digest.update(part);
            left -= take;
        }
        if lens.header_digest > 0 {
            let mut got = [0; crc32c::DIGEST_LEN];
            self.read(&mut got)?;
            if got != digest.finish() {
                return Err(ConnectionError::HeaderDigest);
            }
        }
        Ok(())
    }

    /// Data of a read, RFC 7143 section 11.7.
    fn data_in(&self, data: &DataIn, lens: &SegmentLens) -> Result<(), ConnectionError> {
        let tag = TaskTable::index_of(data.itt);
        let Some(mut guard) = self.active(data.itt) else {
            // What was on its way when its command was aborted.
            self.session.count_stray();
            return self.skip_data(lens);
        };
        let Some(scsi) = guard.scsi() else {
            return Err(Violation::NoCommand(Opcode::DATA_IN).into());
        };
        if scsi.direction != Direction::Read {
            return Err(Violation::NotARead.into());
        }
        let span = scsi.data_in.accept(data).map_err(Violation::from)?;
        scsi.rx_holds = true;
        let task = guard.lock_ref();
        drop(guard);

        let mut result = self.receive_data(tag, span.offset, lens);
        // All of the PDU has been read, so that the next one is found; unless what is wrong is its
        // length, which only a header digest can rule out.
        let is_damaged =
            lens.header_digest > 0 && matches!(result, Err(ConnectionError::DataDigest));
        if is_damaged {
            self.session.report_damage(self.conn);
            result = Ok(());
        }

        let mut guard = task.lock();
        let mut done = None;
        if let Some(scsi) = guard.scsi() {
            scsi.rx_holds = false;
            scsi.damaged |= is_damaged;
            if result.is_ok() {
                done = data.ending().map(|(status, residual)| {
                    let received = scsi.data_in.received();
                    self.receiver
                        .settle(scsi.expected, received, status, residual)
                });
            }
        }
        match done {
            Some(outcome) => self
                .session
                .answered(tag, guard, outcome, Completer::Thread),
            None => self.session.released(tag, guard, Completer::Thread),
        }
        result
    }

    /// Reads a data segment into the pages of the command that this thread holds.
    fn receive_data(
        &self,
        tag: u32,
        offset: u32,
        lens: &SegmentLens,
    ) -> Result<(), ConnectionError> {
        let with_digest = lens.data_digest > 0;
        let mut digest = crc32c::Digest::new();
        let (mut done, total) = (0, lens.data.get());
        while done < total {
            let mut pieces = [BioVec::EMPTY; MAX_PIECES];
            let (count, bytes) = match self.session.tasks.get(tag).map(|task| task.lock()) {
                Some(mut guard) => match guard.scsi() {
                    Some(scsi) => scsi
                        .command
                        .pieces(offset + done, total - done, &mut pieces),
                    None => (0, 0),
                },
                None => (0, 0),
            };
            let pieces = pieces.get(..count).unwrap_or(&[]);
            if bytes == 0 {
                return Err(ConnectionError::Internal(
                    "command has less memory than it says",
                ));
            }
            self.arrivals.announce(bytes);
            self.conn.socket.recv(pieces).map_err(lost)?;
            // On a slow link one PDU may take longer than the target may be silent.
            self.conn.touch();
            self.conn.count_received(bytes as usize);
            if with_digest {
                for piece in pieces {
                    piece.with_bytes(|bytes| digest.update(bytes));
                }
            }
            done += bytes;
        }
        self.read_tail(lens, digest)
    }

    /// Reads the padding and the digest behind a data segment.
    fn read_tail(
        &self,
        lens: &SegmentLens,
        mut digest: crc32c::Digest,
    ) -> Result<(), ConnectionError> {
        let padding = lens.padding as usize;
        let mut buf = [0; TAIL_BYTES];
        let len = padding + lens.data_digest as usize;
        let Some(tail) = buf.get_mut(..len) else {
            return Err(ConnectionError::Internal("data segment has no end"));
        };
        if tail.is_empty() {
            return Ok(());
        }
        self.read(tail)?;
        let (padding, got) = tail.split_at(padding);
        digest.update(padding);
        if !got.is_empty() && got != digest.finish() {
            return Err(ConnectionError::DataDigest);
        }
        Ok(())
    }

    /// Reads a data segment of which only the start is wanted; says how much there is of it.
    fn keep_data(
        &self,
        lens: &SegmentLens,
        keep: &mut [u8; KEPT_BYTES],
    ) -> Result<usize, ConnectionError> {
        let mut digest = crc32c::Digest::new();
        let total = lens.data.get() as usize;
        let kept = total.min(keep.len());
        let (start, _) = keep.split_at_mut(kept);
        if !start.is_empty() {
            self.read(start)?;
            digest.update(start);
        }
        let mut left = total - kept;
        let mut scrap = [0; 256];
        while left > 0 {
            let (part, _) = scrap.split_at_mut(left.min(256));
            self.read(part)?;
            digest.update(part);
            left -= part.len();
        }
        if total > 0 {
            self.read_tail(lens, digest)?;
        }
        Ok(kept)
    }

    fn skip_data(&self, lens: &SegmentLens) -> Result<(), ConnectionError> {
        if lens.data.get() > 0 {
            self.keep_data(lens, &mut [0; KEPT_BYTES])?;
        }
        Ok(())
    }

    /// The task with this tag, if it is one that the target may answer.
    fn active(&self, itt: Itt) -> Option<TaskGuard<'_>> {
        let guard = self.session.tasks.find(itt)?;
        let awaited = matches!(guard.state(), CommandState::Active | CommandState::Aborting);
        awaited.then_some(guard)
    }

    /// Ready To Transfer, RFC 7143 section 11.8.
    fn r2t(&self, r2t: &R2t) -> Result<(), ConnectionError> {
        let Some(mut guard) = self.active(r2t.itt) else {
            self.session.count_stray();
            return Ok(());
        };
        match guard.scsi() {
            Some(scsi) if scsi.direction == Direction::Write => {
                scsi.r2ts.accept(r2t).map_err(Violation::from)?;
            }
            Some(_) => return Err(Violation::NotAWrite.into()),
            None => return Err(Violation::NoCommand(Opcode::R2T).into()),
        }
        drop(guard);
        self.session.data_out.push(TaskTable::index_of(r2t.itt));
        self.session.tx_event.signal();
        Ok(())
    }

    /// The end of a command, RFC 7143 section 11.4.
    fn scsi_response(
        &self,
        response: &ScsiResponse,
        lens: &SegmentLens,
    ) -> Result<(), ConnectionError> {
        let mut buf = [0; KEPT_BYTES];
        let kept = self.keep_data(lens, &mut buf)?;
        let Some(mut guard) = self.active(response.itt) else {
            self.session.count_stray();
            return Ok(());
        };
        let Some(scsi) = guard.scsi() else {
            return Err(Violation::NoCommand(Opcode::SCSI_RESPONSE).into());
        };
        if kept > 0 && response.ending().is_some() {
            let data = buf.get(..kept).unwrap_or(&[]);
            if let Ok(segment) = SenseSegment::parse_start(data, lens.data.get() as usize) {
                scsi.command.set_sense(segment.sense);
            }
        }
        let outcome = self.receiver.outcome(scsi, response);
        let tag = TaskTable::index_of(response.itt);
        self.session
            .answered(tag, guard, outcome, Completer::Thread);
        Ok(())
    }

    /// An answer to a ping of ours, or a ping of the target's, RFC 7143 section 11.19.
    fn nop_in(&self, nop: &NopIn) -> Result<(), ConnectionError> {
        if let Some(itt) = nop.itt {
            self.own_answer(itt, 0, true);
        } else if nop.ttt.is_some() {
            self.conn.push_ping(*nop)?;
            self.session.tx_event.signal();
        }
        Ok(())
    }

    /// The answer to a request of our own.
    fn own_answer(&self, itt: Itt, code: u8, done: bool) {
        let Some(mut guard) = self.active(itt) else {
            self.session.count_stray();
            return;
        };
        if let Work::Own(_, answer) = &mut guard.work {
            *answer = Some(code);
            let answer = if done { Answer::Done } else { Answer::Refused };
            guard.apply(self.session.id, CommandEvent::Answered(answer));
            drop(guard);
            self.session.own_request_ended();
        } else {
            self.session.count_stray();
        }
    }

    /// The end of the connection is near, and this is when to come back, if it is said.
    fn note_time_to_wait(&self, seconds: Option<u16>) {
        if let Some(seconds) = seconds {
            self.conn.set_time_to_wait(seconds);
        }
    }

    /// Asynchronous message, RFC 7143 section 11.9.
    fn async_message(&self, message: &AsyncMessage) -> Result<(), ConnectionError> {
        self.note_time_to_wait(message.time_to_wait());
        match message.event {
            // The sense data says what changed; a scan finds out.
            AsyncEvent::SCSI => self.session.scan_wanted(),
            AsyncEvent::LOGOUT_REQUEST => self.session.logout_wanted(),
            AsyncEvent::CONNECTION_DROP | AsyncEvent::SESSION_DROP => {
                return Err(ConnectionError::AskedByTarget)
            }
            // A negotiation that we do not enter ends with a logout: RFC 7143 section 11.9.1.
            AsyncEvent::NEGOTIATION_REQUEST => self.session.logout_wanted(),
            _ => (),
        }
        Ok(())
    }

    /// The target refuses a PDU of ours, RFC 7143 section 11.17.
    fn reject(&self, reject: &Reject, lens: &SegmentLens) -> Result<(), ConnectionError> {
        let mut buf = [0; KEPT_BYTES];
        let kept = self.keep_data(lens, &mut buf)?;
        trace::rejected(self.session.id, self.conn.cid, reject.reason);
        let Some(header) = buf.get(..kept).and_then(|data| data.first_chunk::<48>()) else {
            return Err(Violation::NothingRejected.into());
        };
        let itt = header
            .get(16..20)
            .and_then(|bytes| bytes.first_chunk::<4>())
            .and_then(|bytes| Itt::new(u32::from_be_bytes(*bytes)));
        match pdu::opcode(header) {
            // It lives, even if it does not like pings.
            Opcode::NOP_OUT => {
                if let Some(itt) = itt {
                    self.own_answer(itt, 0, true);
                }
                Ok(())
            }
            // A management request that is refused has failed.
            Opcode::TASK_REQUEST => {
                if let Some(itt) = itt {
                    self.own_answer(itt, u8::MAX, false);
                }
                Ok(())
            }
            _ => Err(ConnectionError::Rejected(reject.reason)),
        }
    }
}

/// What an error of a receive means.
fn lost(error: Error) -> ConnectionError {
    if error == ECONNRESET {
        ConnectionError::ClosedByTarget
    } else {
        ConnectionError::Transport(error)
    }
}
