// SPDX-License-Identifier: GPL-2.0

//! The TX thread of a connection: takes what waits, builds PDUs, sends many of them at once. A
//! command that finds the connection idle is sent by its submitter instead ([`send_now`]).
//!
//! What goes first: requests of our own, answers to pings, data that was asked for, new commands.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    session::{
        Gate,
        Session, //
    },
    task::{
        Request,
        TaskGuard,
        Work, //
    },
    trace, //
};
use crate::{
    linux::{
        bvec::{
            BioVec,
            Pages, //
        },
        crc32c,
        kthread::{
            current_set_batch,
            current_yields, //
        },
        memalloc::NoReclaim,
        scsi::Direction,
        socket::{
            More,
            Payload, //
        },
    },
    proto::{
        command::{
            CommandEvent,
            CommandState,
            Permit, //
        },
        pdu::{
            self,
            ahs,
            Bhs,
            Delivery,
            LogoutReason,
            LogoutRequest,
            NopOut,
            ScsiCommand,
            SegmentLen,
            TaskAttribute,
            TaskRequest, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Memory for headers, digests and padding of a batch: 16 KiB, some two hundred PDUs.
const STAGING_ORDER: u32 = 2;

/// Pieces of memory that a batch may consist of.
const MAX_PIECES: usize = 256;

/// Stretches of pieces that are sent alike.
const MAX_RUNS: usize = 64;

/// Commands whose pages a batch may hold.
const MAX_HELD: usize = 64;

/// Data of at least this many bytes goes out without being copied. For less, the book-keeping of
/// pages in packets costs more than the copy.
const SPLICE_MIN_BYTES: u32 = 8192;

/// The staging memory that one PDU needs at most: header, the additional header segment of the
/// longest command, two digests, padding.
const PDU_OVERHEAD: usize = pdu::BHS_LEN + 64;

/// A stretch of a batch's pieces.
#[derive(Clone, Copy)]
struct Run {
    end: usize,
    payload: Payload,
}

/// PDUs that are sent together.
struct Batch {
    staging: Pages<STAGING_ORDER>,
    /// Bytes of `staging` in use.
    used: usize,
    /// Where the last piece begins in `staging`, if that is where it is: it can grow.
    growing: Option<usize>,
    pieces: KVec<BioVec>,
    count: usize,
    runs: KVec<Run>,
    run_count: usize,
    held: KVec<u32>,
    held_count: usize,
}

impl Batch {
    /// An empty batch.
    ///
    /// # Context
    ///
    /// Allocates with `GFP_KERNEL`: made with the session, used by each of its connections in turn.
    fn new() -> Result<KBox<Self>> {
        let no_run = Run {
            end: 0,
            payload: Payload::Copied,
        };
        Ok(KBox::new(
            Self {
                staging: Pages::new()?,
                used: 0,
                growing: None,
                pieces: KVec::from_elem(BioVec::EMPTY, MAX_PIECES, GFP_KERNEL)?,
                count: 0,
                runs: KVec::from_elem(no_run, MAX_RUNS, GFP_KERNEL)?,
                run_count: 0,
                held: KVec::from_elem(0, MAX_HELD, GFP_KERNEL)?,
                held_count: 0,
            },
            GFP_KERNEL,
        )?)
    }

    /// Whether one more PDU can begin.
    fn has_room(&self) -> bool {
        self.used + PDU_OVERHEAD <= Pages::<STAGING_ORDER>::LEN
            && self.count + 4 <= MAX_PIECES
            && self.run_count + 4 <= MAX_RUNS
            && self.held_count < MAX_HELD
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a piece of data and what follows it still fit.
    fn has_room_for_data(&self) -> bool {
        self.count + 2 <= MAX_PIECES && self.run_count + 2 <= MAX_RUNS
    }

    /// Adds bytes of our own: they are copied now, and once more when they are sent.
    fn stage(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        let Some(room) = self.staging.as_mut_slice().get_mut(self.used..end) else {
            // `has_room` is asked before each PDU, and no PDU has more than `PDU_OVERHEAD`.
            return;
        };
        room.copy_from_slice(bytes);
        match self.growing {
            Some(start) => {
                let piece = self.staging.piece(start, end - start);
                if let Some(last) = self.pieces.get_mut(self.count.wrapping_sub(1)) {
                    *last = piece;
                }
            }
            None => {
                let piece = self.staging.piece(self.used, bytes.len());
                self.add(piece, Payload::Copied);
                self.growing = Some(self.used);
            }
        }
        self.used = end;
    }

    /// Adds a piece at the end.
    fn add(&mut self, piece: BioVec, payload: Payload) {
        let Some(place) = self.pieces.get_mut(self.count) else {
            return;
        };
        *place = piece;
        self.count += 1;
        self.growing = None;
        let last = self.run_count.checked_sub(1);
        match last.and_then(|last| self.runs.get_mut(last)) {
            Some(run) if run.payload == payload => run.end = self.count,
            _ => {
                let end = self.count;
                if let Some(run) = self.runs.get_mut(self.run_count) {
                    *run = Run { end, payload };
                    self.run_count += 1;
                }
            }
        }
    }

    /// Notes that the batch holds the pages of a task.
    fn hold(&mut self, tag: u32) {
        let held = self.held.get(..self.held_count).unwrap_or(&[]);
        if held.contains(&tag) {
            return;
        }
        if let Some(place) = self.held.get_mut(self.held_count) {
            *place = tag;
            self.held_count += 1;
        }
    }

    /// Forgets everything; what a connection that broke has left behind.
    fn clear(&mut self) {
        self.used = 0;
        self.growing = None;
        self.count = 0;
        self.run_count = 0;
    }

    /// Sends what there is.
    fn send(&mut self, conn: &Connection, more: More) -> Result<(), ConnectionError> {
        let mut start = 0;
        for index in 0..self.run_count {
            let Some(run) = self.runs.get(index) else {
                break;
            };
            let more = if index + 1 < self.run_count {
                More::Follows
            } else {
                more
            };
            let Some(pieces) = self.pieces.get(start..run.end) else {
                break;
            };
            conn.socket
                .send(pieces, run.payload, more)
                .map_err(ConnectionError::Transport)?;
            conn.count_sent(pieces.iter().map(BioVec::len).sum());
            start = run.end;
        }
        self.clear();
        Ok(())
    }
}

/// The body of the TX thread.
///
/// # Context
///
/// Runs without reclaim: memory may be waiting for what it sends.
pub(super) fn run((session, conn): (Arc<Session>, Arc<Connection>)) {
    let _reclaim = NoReclaim::enter();
    // Who submits many commands one by one shall go on: they go out in one packet then.
    current_set_batch();
    session.sending.lock().conn = Some(conn.clone());
    while conn.error().is_none() {
        let mut sending = session.sending.lock();
        // Looked at again under the lock: what a submitter has failed to send is still in the batch.
        if conn.error().is_some() {
            break;
        }
        let result = Sender {
            session: &session,
            conn: &conn,
            batch: &mut sending.batch,
            by: By::Thread,
        }
        .send_waiting();
        if let Err(error) = result {
            session.connection_failed(&conn, error);
        }
        drop(sending);
        if let Ok(false) = result {
            session.tx_event.wait(None);
        }
    }
    // Nobody sends over this connection any more after this.
    let mut sending = session.sending.lock();
    sending.conn = None;
    let batch = &mut sending.batch;
    Sender {
        session: &session,
        conn: &conn,
        batch,
        by: By::Thread,
    }
    .release(None);
    batch.clear();
}

/// The sending side of a session, for whoever sends: the TX thread, or a submitter.
pub(super) struct Sending {
    batch: KBox<Batch>,
    /// The connection that the TX thread serves.
    conn: Option<Arc<Connection>>,
}

impl Sending {
    /// No connection yet.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            batch: Batch::new()?,
            conn: None,
        })
    }
}

/// Sends what waits, if nobody else does and it can be done at once, instead of waking the TX thread:
/// for a command that has the connection to itself, this saves a change of threads.
///
/// # Context
///
/// A submitter, without locks of ours; sleeps shortly. Allocates without reclaim, as the TX thread.
///
/// A task of low priority leaves it to the thread: while it holds the lock and others have the
/// processor, all commands wait. Others are not kept off for longer than the thread itself would be.
pub(super) fn send_now(session: &Session) {
    let sending = (!current_yields())
        .then(|| session.sending.try_lock())
        .flatten();
    let Some(mut sending) = sending else {
        // Whoever sends may have looked at the queue already.
        session.tx_event.signal();
        return;
    };
    let Sending { batch, conn } = &mut *sending;
    let sent = match conn.as_deref() {
        Some(conn) if conn.error().is_none() && conn.socket.has_room(SUBMITTER_ROOM) => {
            let _reclaim = NoReclaim::enter();
            conn.as_submitter(|| {
                Sender {
                    session,
                    conn,
                    batch,
                    by: By::Submitter,
                }
                .send_waiting()
            })
        }
        // The thread can wait for room; and a new one begins with what waits.
        _ => Ok(true),
    };
    match (sent, conn.clone()) {
        // With the lock held: nobody may send again what the batch still has.
        (Err(error), Some(conn)) => session.connection_failed(&conn, error),
        // What came meanwhile found this lock taken, and has woken the thread.
        _ if session.has_to_send() => session.tx_event.signal(),
        _ => (),
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    /// The TX thread.
    Thread,
    /// A submitter: one short command, nothing else. It must not wait for the peer, since a signal
    /// to its process would end the wait in the middle of a PDU, and with it the connection.
    Submitter,
}

/// The most data, in bytes, that a command may write which its submitter sends.
const SUBMITTER_BYTES: u32 = 16 * 1024;

/// Room in the send buffer, in bytes, with which that much surely fits: twice the data, and the header.
const SUBMITTER_ROOM: u32 = 2 * SUBMITTER_BYTES + 4096;

/// Somebody at work who sends.
struct Sender<'a> {
    session: &'a Session,
    conn: &'a Connection,
    batch: &'a mut Batch,
    by: By,
}

impl Sender<'_> {
    /// Sends one batch of what waits; false if nothing does.
    fn send_waiting(&mut self) -> Result<bool, ConnectionError> {
        while self.batch.has_room() {
            if self.by == By::Submitter && !self.may_send_one() {
                break;
            }
            let all = self.by == By::Thread;
            if let Some(tag) = all.then(|| self.session.control.pop()).flatten() {
                self.own_request(tag)?;
            } else if let Some(ping) = all.then(|| self.conn.pop_ping()).flatten() {
                let cmd_sn = self.session.window.lock().current();
                if let Some(answer) = NopOut::answer(&ping, cmd_sn, self.conn.exp_stat_sn()) {
                    let header = answer.to_bytes();
                    trace::sent(self.session.id, self.conn.cid, &header);
                    self.header(&header);
                }
            } else if let Some(tag) = all.then(|| self.session.data_out.pop()).flatten() {
                self.data_out(tag)?;
            } else if self.session.pending.is_empty()
                || self.session.gate() != Gate::Open
                || self.session.window.lock().open() == 0
            {
                // After a logout request nothing new may be sent (RFC 7143 section 11.14).
                break;
            } else if let Some(tag) = self.session.pending.pop() {
                if !self.command(tag)? {
                    break;
                }
            } else {
                break;
            }
        }
        if self.batch.is_empty() {
            return Ok(false);
        }
        self.batch.send(self.conn, More::Nothing)?;
        self.release(None);
        Ok(true)
    }

    /// Whether a submitter has sent nothing yet, and nothing but a command is to be sent.
    fn may_send_one(&self) -> bool {
        self.batch.is_empty()
            && self.session.control.is_empty()
            && self.session.data_out.is_empty()
            && !self.conn.has_pings()
    }

    /// A SCSI command, with its immediate data; false if it is left to the TX thread.
    fn command(&mut self, tag: u32) -> Result<bool, ConnectionError> {
        let Some(task) = self.session.tasks.get(tag) else {
            return Ok(true);
        };
        let mut guard = task.lock();
        if guard.state() != CommandState::Pending {
            // Aborted or flushed while it waited.
            return Ok(true);
        }
        let is_long = guard.scsi().is_some_and(|scsi| {
            scsi.direction == Direction::Write && scsi.expected > SUBMITTER_BYTES
        });
        if self.by == By::Submitter && is_long {
            // Its turn comes again when the TX thread looks at the queue, which it is told to.
            drop(guard);
            self.session.pending.push(tag);
            return Ok(false);
        }
        let Some(cmd_sn) = self.session.window.lock().take() else {
            // Whoever holds `sending` takes from the window, so it is as open as a moment ago.
            drop(guard);
            self.session.pending.push(tag);
            return Ok(true);
        };
        guard.apply(self.session.id, CommandEvent::Picked(Permit::Granted));
        let itt = guard.itt();
        let (Some(itt), Some(scsi)) = (itt, guard.scsi()) else {
            return Ok(true);
        };
        let plan = scsi.arm(&self.conn.limits, cmd_sn);
        let Ok((cdb, rest)) = ahs::split_cdb(scsi.command.cdb()) else {
            return Err(ConnectionError::Internal("command block has no bytes"));
        };
        let mut extension = [0; EXTENSION_BYTES];
        let mut writer = ahs::AhsWriter::new(&mut extension);
        if !rest.is_empty() && writer.push(ahs::Ahs::ExtendedCdb(rest)).is_err() {
            return Err(ConnectionError::Internal("command block is too long"));
        }
        let ahs_words = writer.words();
        let header = ScsiCommand {
            delivery: Delivery::Ordered,
            is_final: plan.command_is_final(),
            read: scsi.direction == Direction::Read,
            write: scsi.direction == Direction::Write,
            attribute: TaskAttribute::SIMPLE,
            ahs_words,
            data_len: plan.immediate(),
            lun: scsi.lun,
            itt,
            expected_len: scsi.expected,
            cmd_sn,
            exp_stat_sn: self.conn.exp_stat_sn(),
            cdb,
        };
        let goes_on = scsi.unsolicited.is_some();
        let header = header.to_bytes();
        trace::sent(self.session.id, self.conn.cid, &header);
        self.header_with_ahs(
            &header,
            extension.get(..usize::from(ahs_words) * 4).unwrap_or(&[]),
        );
        if plan.immediate() != SegmentLen::ZERO {
            guard = self.data(tag, guard, 0, plan.immediate())?;
        }
        drop(guard);
        if goes_on {
            self.session.data_out.push(tag);
        }
        Ok(true)
    }

    /// The next Data-Out PDU of a task: unsolicited data first, then what R2Ts ask for.
    fn data_out(&mut self, tag: u32) -> Result<(), ConnectionError> {
        let Some(task) = self.session.tasks.get(tag) else {
            return Ok(());
        };
        let mut guard = task.lock();
        if guard.state() != CommandState::Active {
            return Ok(());
        }
        let itt = guard.itt();
        let (Some(itt), Some(scsi)) = (itt, guard.scsi()) else {
            return Ok(());
        };
        if scsi.outcome.is_some() {
            return Ok(());
        }
        let max = self.conn.limits.max_send_segment;
        let piece = match scsi.unsolicited.as_mut().and_then(|burst| burst.poll(max)) {
            Some(piece) => piece,
            None => {
                scsi.unsolicited = None;
                match scsi.r2ts.poll(max) {
                    Some(piece) => piece,
                    None => return Ok(()),
                }
            }
        };
        let goes_on = scsi.unsolicited.is_some() || scsi.r2ts.current().is_some();
        let header = piece.header(itt, self.conn.exp_stat_sn()).to_bytes();
        trace::sent(self.session.id, self.conn.cid, &header);
        self.header(&header);
        guard = self.data(tag, guard, piece.offset, piece.len)?;
        drop(guard);
        if goes_on {
            self.session.data_out.push(tag);
        }
        Ok(())
    }

    /// A request of our own. All of them are immediate: they neither wait for the window nor take a
    /// number from it (RFC 7143 section 4.2.2.1).
    fn own_request(&mut self, tag: u32) -> Result<(), ConnectionError> {
        let Some(task) = self.session.tasks.get(tag) else {
            return Ok(());
        };
        let mut guard = task.lock();
        if guard.state() != CommandState::Pending {
            return Ok(());
        }
        let Work::Own(request, _) = guard.work else {
            return Ok(());
        };
        let Some(itt) = guard.itt() else {
            return Ok(());
        };
        guard.apply(self.session.id, CommandEvent::Picked(Permit::Granted));
        let cmd_sn = self.session.window.lock().current();
        let exp_stat_sn = self.conn.exp_stat_sn();
        let header = match request {
            Request::Ping => NopOut {
                delivery: Delivery::Immediate,
                data_len: SegmentLen::ZERO,
                lun: pdu::Lun::ZERO,
                itt: Some(itt),
                ttt: None,
                cmd_sn,
                exp_stat_sn,
            }
            .to_bytes(),
            Request::Manage {
                function,
                lun,
                referenced,
            } => TaskRequest {
                delivery: Delivery::Immediate,
                function,
                lun,
                itt,
                referenced: referenced.map(|(itt, _)| itt),
                cmd_sn,
                exp_stat_sn,
                ref_cmd_sn: referenced.map_or(cmd_sn, |(_, sn)| sn),
                exp_data_sn: crate::proto::sn::DataSn::ZERO,
            }
            .to_bytes(),
            Request::Logout => LogoutRequest {
                delivery: Delivery::Immediate,
                reason: LogoutReason::CLOSE_SESSION,
                itt,
                cid: self.conn.cid,
                cmd_sn,
                exp_stat_sn,
            }
            .to_bytes(),
        };
        drop(guard);
        if let Request::Manage { .. } = request {
            self.session.managed_at(cmd_sn);
        }
        trace::sent(self.session.id, self.conn.cid, &header);
        self.header(&header);
        Ok(())
    }

    /// Stages a header without additional segments.
    fn header(&mut self, header: &Bhs) {
        self.header_with_ahs(header, &[]);
    }

    /// Stages a header with its additional segments and its digest.
    fn header_with_ahs(&mut self, header: &Bhs, ahs: &[u8]) {
        self.batch.stage(header);
        if !ahs.is_empty() {
            self.batch.stage(ahs);
        }
        if self.conn.header_digest == pdu::Digest::Crc32c {
            let mut digest = crc32c::Digest::new();
            digest.update(header);
            digest.update(ahs);
            self.batch.stage(&digest.finish());
        }
    }

    /// Adds the data of a PDU from the pages of a command, with padding and digest.
    ///
    /// The task stays held until the batch is sent, so that nobody completes the command under it.
    /// If the pages do not fit in the batch, what there is goes out first, without the lock; the
    /// lock comes back held.
    fn data<'g>(
        &mut self,
        tag: u32,
        mut guard: TaskGuard<'g>,
        offset: u32,
        len: SegmentLen,
    ) -> Result<TaskGuard<'g>, ConnectionError> {
        let task = guard.lock_ref();
        let with_digest = self.conn.data_digest == pdu::Digest::Crc32c;
        let mut digest = crc32c::Digest::new();
        let (mut done, total) = (0, len.get());
        if let Some(scsi) = guard.scsi() {
            scsi.tx_holds = true;
            self.batch.hold(tag);
        }
        while done < total {
            if !self.batch.has_room_for_data() {
                drop(guard);
                self.batch.send(self.conn, More::Follows)?;
                self.release(Some(tag));
                guard = task.lock();
            }
            let mut piece = [BioVec::EMPTY];
            let bytes = match guard.scsi() {
                Some(scsi) => {
                    scsi.command
                        .pieces(offset + done, total - done, &mut piece)
                        .1
                }
                None => 0,
            };
            let [piece] = piece;
            if bytes == 0 {
                return Err(ConnectionError::Internal(
                    "command has less data than it says",
                ));
            }
            if with_digest {
                // Without the lock, which keeps softirqs off: a piece may be as long as the command.
                drop(guard);
                piece.with_bytes(|bytes| digest.update(bytes));
                guard = task.lock();
            }
            let payload = if total >= SPLICE_MIN_BYTES && piece.can_splice() {
                Payload::Spliced
            } else {
                Payload::Copied
            };
            self.batch.add(piece, payload);
            done += bytes;
        }
        let padding = PADDING.get(..len.padding() as usize).unwrap_or(&[]);
        if with_digest {
            digest.update(padding);
        }
        if !padding.is_empty() {
            self.batch.stage(padding);
        }
        if with_digest {
            self.batch.stage(&digest.finish());
        }
        Ok(guard)
    }

    /// Lets go of the pages of all tasks but `keep`, and ends those that have been answered
    /// meanwhile.
    fn release(&mut self, keep: Option<u32>) {
        let mut kept = 0;
        for index in 0..self.batch.held_count {
            let Some(&tag) = self.batch.held.get(index) else {
                break;
            };
            if Some(tag) == keep {
                if let Some(place) = self.batch.held.get_mut(kept) {
                    *place = tag;
                    kept += 1;
                }
                continue;
            }
            let Some(task) = self.session.tasks.get(tag) else {
                continue;
            };
            let mut guard = task.lock();
            if let Some(scsi) = guard.scsi() {
                scsi.tx_holds = false;
            }
            // Not completed here: this thread may use the reserves, and completions run code of
            // others.
            self.session.hand_over(tag, guard);
        }
        self.batch.held_count = kept;
    }
}

/// Room for the additional header segment of the longest command block of the mid-layer: 32 bytes,
/// of which 16 are in the header.
const EXTENSION_BYTES: usize = 20;

/// Padding to a multiple of four bytes, RFC 7143 section 11.2.
const PADDING: [u8; 3] = [0; 3];
