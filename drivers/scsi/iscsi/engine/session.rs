// SPDX-License-Identifier: GPL-2.0

//! A session: what its threads, the SCSI mid-layer and the control room share.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    initiator::Initiator,
    login::{
        self,
        Awaited, //
    },
    report::Text,
    tag_queue::TagQueue,
    task::{
        Outcome,
        Request,
        ScsiTask,
        TaskGuard,
        TaskTable,
        Work, //
    },
    trace,
    tx::{
        self,
        Sending, //
    },
};
use crate::{
    config::EndPoint,
    linux::{
        event::Event,
        lock::{
            new_spinlock_bh,
            SpinLockBh, //
        },
        scsi::{
            Busy,
            Command,
            Host,
            HostLimits,
            HostStatus, //
        },
        socket::Socket,
        transport::{
            self,
            ClsSession, //
        },
    },
    proto::{
        command::{
            Answer,
            CommandEvent,
            CommandState,
            Ending, //
        },
        connection::ConnectionState,
        pdu::{
            Isid,
            Lun,
            Tsih, //
        },
        session::SessionState,
        sn::{
            CmdSn,
            CmdWindow, //
        },
    },
};
use core::fmt;
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc,
        Mutex,
        SpinLock, //
    },
    time::{
        Instant,
        Monotonic, //
    },
};

/// Commands of the mid-layer that a session takes at a time.
const CAN_QUEUE: u16 = 512;

/// With fewer commands than this under way, a new one is sent by its submitter.
const SENT_BY_SUBMITTER: i32 = 4;

/// Commands at a time and logical unit, until the administrator says otherwise.
const CMD_PER_LUN: i16 = 128;

/// Logical units: whatever REPORT LUNS may say, in any addressing method of SAM.
const MAX_LUN: u64 = u64::MAX;

/// Entries of a scatter list; a command of the largest size in single pages fits.
const SG_TABLESIZE: u16 = 4096;

/// Sectors of 512 bytes in a command: 16 MiB, the largest MaxBurstLength.
const MAX_SECTORS: u32 = 32768;

/// The tasks for requests of our own, behind those of the mid-layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Own {
    Ping,
    Manage,
    Logout,
}

const OWN_TASKS: u32 = 3;

impl Own {
    fn tag(self) -> u32 {
        u32::from(CAN_QUEUE) + self as u32
    }
}

/// What happens to a command that the mid-layer brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Gate {
    /// It is queued.
    Open,
    /// The connection is being recovered: come again later.
    Recovering,
    /// Recovery takes too long: fail, so that another path can be tried.
    FailFast,
    /// The session ends: fail.
    Closed,
}

impl Gate {
    fn from_number(number: i32) -> Self {
        match number {
            0 => Self::Open,
            1 => Self::Recovering,
            2 => Self::FailFast,
            _ => Self::Closed,
        }
    }

    /// What commands are told that this gate stops, or that a flush ends behind it.
    ///
    /// Before the end of the recovery, one that was sent is tried again as often as the mid-layer
    /// allows, since the target may have executed it, and it may be what breaks the connection. One
    /// that was not sent has lost nothing but its place, as if it had come after the loss.
    fn status(self, state: CommandState) -> HostStatus {
        match (self, state) {
            (Self::Open | Self::Recovering, CommandState::Pending) => HostStatus::Requeue,
            (Self::Open | Self::Recovering, _) => HostStatus::TransportDisrupted,
            (Self::FailFast, _) => HostStatus::TransportFailFast,
            (Self::Closed, _) => HostStatus::NoConnect,
        }
    }
}

/// Who completes a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Completer {
    /// A thread of the session, without locks.
    Thread,
    /// A softirq, or somebody with softirqs off, maybe with the lock of the socket.
    Softirq,
}

/// The state of a session that changes slowly, under one lock: the last in the order of locks.
pub(super) struct Slow {
    pub(super) connection_state: ConnectionState,
    pub(super) state: SessionState,
    pub(super) connection: Option<Arc<Connection>>,
    /// The socket of a login under way, so that it can be ended from outside.
    pub(super) connecting: Option<Arc<Socket>>,
    /// What that login waits for, and since when.
    pub(super) login: Option<(Awaited, Instant<Monotonic>)>,
    pub(super) tsih: Option<Tsih>,
    /// Why the last connection ended, until there is another one.
    pub(super) loss: Text,
    /// Why the last login failed, since the last that succeeded.
    pub(super) login_error: Text,
    /// Logins that have failed since the last that succeeded.
    pub(super) failed_logins: u32,
}

impl Slow {
    /// Why there is no connection; empty if there is one, or no reason yet. Why the next one does not
    /// come hardly ever says why the last one went.
    pub(super) fn last_error(&self) -> Text {
        if self.login_error.is_empty() {
            return self.loss;
        }
        let mut text = self.login_error;
        if !self.loss.is_empty() {
            text.append(format_args!("; before that: {}", self.loss));
        }
        text
    }

    /// There is a connection.
    pub(super) fn forget_failures(&mut self) {
        self.loss = Text::new();
        self.login_error = Text::new();
        self.failed_logins = 0;
    }
}

/// The two faces of a session to the SCSI mid-layer. The order of the fields is that of their end.
pub(super) struct ScsiSide {
    pub(super) class: Pin<KBox<ClsSession<Session>>>,
    pub(super) host: Host<Session>,
    /// Tells that the two above are gone.
    gone: Gone,
}

/// Signals its event when it is dropped.
struct Gone(Arc<Event>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.signal();
    }
}

/// A session with a target.
///
/// Lock order: a task's lock, then [`Connection`]'s, then `window` or `slow`. None of them is held
/// over a call to the socket or the mid-layer.
#[pin_data]
pub(crate) struct Session {
    /// Names the session in messages, events and traces; never used twice.
    pub(crate) id: u32,
    /// What it connects to.
    pub(crate) target: EndPoint,
    /// Our part of the session's name, RFC 7143 section 11.12.5.
    pub(crate) isid: Isid,
    pub(super) initiator: Arc<Initiator>,
    pub(super) tasks: TaskTable,
    /// Commands that wait to be sent.
    pub(super) pending: TagQueue,
    /// Tasks that have data to send.
    pub(super) data_out: TagQueue,
    /// Requests of our own that wait to be sent.
    pub(super) control: TagQueue,
    /// Commands that the IC thread has to complete.
    completions: TagQueue,
    #[pin]
    pub(super) window: SpinLockBh<CmdWindow>,
    gate: Atomic<i32>,
    /// 1 when the session is to be ended, and not recovered any more.
    closing: Atomic<i32>,
    /// 1 when the WD thread has to log out and end.
    stop: Atomic<i32>,
    /// 1 when the IC thread has to end.
    ic_stop: Atomic<i32>,
    /// 1 when the target asked for a logout.
    logout_asked: Atomic<i32>,
    /// 1 when the target said that its logical units have changed.
    scan_asked: Atomic<i32>,
    /// 1 when somebody wants a login now rather than at the next retry.
    poked: Atomic<i32>,
    /// 1 once a disk was found whose pages may change while they are sent.
    unstable: Atomic<i32>,
    /// The CmdSN that the last task management request was sent with: it concerns what precedes.
    manage_sn: Atomic<u32>,
    /// PDUs that belonged to no task.
    pub(super) strays: Atomic<i64>,
    #[pin]
    pub(super) tx_event: Event,
    #[pin]
    pub(super) wd_event: Event,
    #[pin]
    ic_event: Event,
    /// Signalled when a request of our own ends, for the error handler.
    #[pin]
    manage_event: Event,
    /// Signalled when a task is let go, or the gate moves, for the error handler.
    #[pin]
    pub(super) eh_event: Event,
    #[pin]
    pub(super) slow: SpinLock<Slow>,
    #[pin]
    pub(super) sending: Mutex<Sending>,
    /// Commands of the mid-layer that are here, for the choice of who sends.
    busy: Atomic<i32>,
    /// One error handler at a time.
    #[pin]
    pub(super) eh: Mutex<()>,
    #[pin]
    scsi: Mutex<Option<Arc<ScsiSide>>>,
}

impl Session {
    /// A session that is not connected, with its host.
    pub(super) fn new(
        initiator: Arc<Initiator>,
        id: u32,
        isid: Isid,
        target: EndPoint,
    ) -> Result<Arc<Self>> {
        let depth = u32::from(CAN_QUEUE) + OWN_TASKS;
        let sending = Sending::new()?;
        let session = Arc::pin_init(
            try_pin_init!(Self {
                id,
                target,
                isid,
                initiator,
                tasks: TaskTable::new(depth)?,
                pending: TagQueue::new(depth)?,
                data_out: TagQueue::new(depth)?,
                control: TagQueue::new(depth)?,
                completions: TagQueue::new(depth)?,
                window <- new_spinlock_bh!(CmdWindow::new(FIRST_CMD_SN), "Session::window"),
                gate: Atomic::new(Gate::Recovering as i32),
                closing: Atomic::new(0),
                stop: Atomic::new(0),
                ic_stop: Atomic::new(0),
                logout_asked: Atomic::new(0),
                scan_asked: Atomic::new(0),
                poked: Atomic::new(0),
                unstable: Atomic::new(0),
                manage_sn: Atomic::new(0),
                strays: Atomic::new(0),
                tx_event <- Event::new(),
                wd_event <- Event::new(),
                ic_event <- Event::new(),
                manage_event <- Event::new(),
                eh_event <- Event::new(),
                slow <- new_spinlock!(
                    Slow {
                        connection_state: ConnectionState::Free,
                        state: SessionState::Free,
                        connection: None,
                        connecting: None,
                        login: None,
                        tsih: None,
                        loss: Text::new(),
                        login_error: Text::new(),
                        failed_logins: 0,
                    },
                    "Session::slow"
                ),
                sending <- new_mutex!(sending, "Session::sending"),
                busy: Atomic::new(0),
                eh <- new_mutex!((), "Session::eh"),
                scsi <- new_mutex!(None, "Session::scsi"),
            }),
            GFP_KERNEL,
        )?;
        session.add_host()?;
        Ok(session)
    }

    /// Adds the host and the session of the transport class.
    fn add_host(self: &Arc<Self>) -> Result {
        let limits = HostLimits {
            can_queue: CAN_QUEUE,
            cmd_per_lun: CMD_PER_LUN,
            max_lun: MAX_LUN,
            sg_tablesize: SG_TABLESIZE,
            max_sectors: MAX_SECTORS,
        };
        let mut host = Host::new(self.clone(), limits)?;
        let transport = self.initiator.transport();
        transport.add_host(&mut host)?;
        let class = ClsSession::add(transport, &host, self.clone())?;
        class.add_connection(CLASS_CONNECTION)?;
        class.set_connection_state(CLASS_CONNECTION, transport::ConnectionState::Down);
        let gone = Gone(Arc::pin_init(Event::new(), GFP_KERNEL)?);
        *self.scsi.lock() = Some(Arc::new(ScsiSide { class, host, gone }, GFP_KERNEL)?);
        Ok(())
    }

    /// The host and the class session, while the session is not being removed.
    pub(super) fn scsi_side(&self) -> Option<Arc<ScsiSide>> {
        self.scsi.lock().clone()
    }

    /// The number of the host, while the session is not being removed.
    pub(super) fn host_number(&self) -> Option<u32> {
        self.scsi.lock().as_ref().map(|side| side.host.number())
    }

    /// Whether somebody has a disk of the session open.
    pub(super) fn is_open(&self) -> bool {
        self.scsi_side().is_some_and(|side| side.host.openers() > 0)
    }

    /// Removes the host and the class session, and waits until both are gone; somebody who looks at
    /// them just now may be the last to let go.
    ///
    /// # Context
    ///
    /// Sleeps; not for a callback of either of them.
    pub(super) fn remove_scsi_side(&self) {
        let side = self.scsi.lock().take();
        if let Some(side) = side {
            let gone = side.gone.0.clone();
            drop(side);
            gone.wait(None);
        }
    }

    /// The gate of new commands.
    pub(super) fn gate(&self) -> Gate {
        Gate::from_number(self.gate.load(Acquire))
    }

    /// Moves the gate. A closed gate stays closed, and a session that is to be ended closes its
    /// gate instead of waiting for a recovery.
    ///
    /// Commands that passed the gate before are found by a walk over the tasks after this: a task
    /// is filled under its lock, with the gate looked at under the same lock.
    pub(super) fn set_gate(&self, gate: Gate) {
        let gate = if self.is_closing() && gate != Gate::Open {
            Gate::Closed
        } else {
            gate
        };
        let mut now = self.gate.load(Acquire);
        while Gate::from_number(now) != Gate::Closed {
            match self.gate.cmpxchg(now, gate as i32, Full) {
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        self.eh_event.signal();
    }

    /// The recovery takes too long: fails commands, unless the connection is there again.
    pub(super) fn give_gate_up(&self) {
        let (from, to) = (Gate::Recovering as i32, Gate::FailFast as i32);
        // Another state stays: it is newer.
        let _ = self.gate.cmpxchg(from, to, Full);
        self.eh_event.signal();
    }

    /// Whether the session is to be ended.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed) != 0
    }

    /// From now on a lost connection ends the session.
    pub(super) fn begin_close(&self) {
        self.closing.store(1, Relaxed);
        if self.gate() != Gate::Open {
            self.set_gate(Gate::Closed);
            // What waits for the recovery, a scan for one, fails now.
            if let Some(side) = self.scsi_side() {
                side.class.give_up();
            }
        }
        self.wd_event.signal();
    }

    /// Tells the WD thread to log out and end, and a login under way to stop.
    pub(super) fn begin_stop(&self) {
        self.stop.store(1, Release);
        let connecting = self.slow.lock().connecting.clone();
        if let Some(socket) = connecting {
            socket.shutdown();
        }
        self.wd_event.signal();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Acquire) != 0
    }

    /// Asks for a login now, if there is no connection. Why the last one failed counts no more.
    pub(crate) fn poke(&self) {
        {
            let mut slow = self.slow.lock();
            if slow.connection.is_some() {
                return;
            }
            slow.loss = Text::new();
            slow.login_error = Text::new();
            // Under the lock, so that none is left behind a connection that comes up.
            self.poked.store(1, Relaxed);
        }
        self.wd_event.signal();
    }

    pub(super) fn take_poke(&self) -> bool {
        self.poked.xchg(0, Relaxed) != 0
    }

    /// The target asked for a logout.
    pub(super) fn logout_wanted(&self) {
        self.logout_asked.store(1, Relaxed);
        self.wd_event.signal();
    }

    pub(super) fn take_logout_wanted(&self) -> bool {
        self.logout_asked.xchg(0, Relaxed) != 0
    }

    /// The logical units may have changed.
    pub(super) fn scan_wanted(&self) {
        self.scan_asked.store(1, Relaxed);
        self.wd_event.signal();
    }

    pub(super) fn take_scan_wanted(&self) -> bool {
        self.scan_asked.xchg(0, Relaxed) != 0
    }

    /// A disk was found whose pages may change while they are sent.
    pub(super) fn found_unstable_pages(&self) {
        self.unstable.store(1, Relaxed);
    }

    /// Whether the session has a disk whose pages may change while they are sent: a data digest over
    /// them would be wrong then, and end the connection.
    pub(super) fn has_unstable_pages(&self) -> bool {
        self.unstable.load(Relaxed) != 0
    }

    /// A task management request goes out with this CmdSN.
    pub(super) fn managed_at(&self, cmd_sn: CmdSn) {
        self.manage_sn.store(cmd_sn.get(), Release);
    }

    /// A PDU came that belongs to no task.
    pub(super) fn count_stray(&self) {
        self.strays.fetch_add(1, Relaxed);
    }

    /// The connection, in its full feature phase.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.slow.lock().connection.clone()
    }

    /// Ends `conn` and lets the WD thread see to it.
    ///
    /// # Context
    ///
    /// Any thread without a lock; may sleep shortly.
    pub(super) fn connection_failed(&self, conn: &Connection, error: ConnectionError) {
        trace::fault(self.id, conn.cid, error);
        conn.fail(error);
        self.tx_event.signal();
        self.wd_event.signal();
    }

    /// Data of a command have come with a wrong digest. The command fails, and the mid-layer tries it
    /// again (RFC 7143 section 7.8).
    ///
    /// NOTE: not the connection: whoever changes the buffer of a direct read while it is filled makes
    /// a digest wrong, and would end the commands of all others with it, again and again.
    pub(super) fn report_damage(&self, conn: &Connection) {
        trace::fault(self.id, conn.cid, ConnectionError::DataDigest);
        if conn.note_damage() {
            pr_warn!(
                "session {} ({}): wrong data digest received, the command is tried again\n",
                self.id,
                self.target.name.as_str(),
            );
        }
    }

    /// Whether anything is queued for TX; late, for others than whoever sends.
    pub(super) fn has_to_send(&self) -> bool {
        !(self.pending.is_empty() && self.data_out.is_empty() && self.control.is_empty())
    }

    /// Remembers what a login waits for from now on; `None` at its end.
    pub(super) fn login_awaits(&self, awaited: Option<Awaited>) {
        self.slow.lock().login = awaited.map(|awaited| (awaited, Instant::now()));
    }

    /// Remembers why the connection ends, and tells the operator.
    pub(super) fn report_loss(&self, text: fmt::Arguments<'_>) {
        let mut report = Text::new();
        report.append(text);
        self.warn(&report);
        self.slow.lock().loss = report;
    }

    fn warn(&self, report: &Text) {
        pr_warn!(
            "session {} ({}): {}\n",
            self.id,
            self.target.name.as_str(),
            report.as_str()
        );
    }

    /// Counts a login that failed, and tells why, unless the last one failed for the same reason.
    #[inline(never)]
    pub(super) fn report_failed_login(&self, failure: &login::Failure) {
        let mut report = Text::new();
        report.append(format_args!("login failed: {failure}"));
        let is_new = {
            let mut slow = self.slow.lock();
            slow.failed_logins = slow.failed_logins.saturating_add(1);
            let is_new = slow.login_error.as_str() != report.as_str();
            slow.login_error = report;
            is_new
        };
        if is_new {
            self.warn(&report);
        }
    }

    /// A command of the mid-layer is about to leave the session.
    pub(super) fn leaves(&self) {
        self.busy.fetch_sub(1, Relaxed);
    }

    /// Takes a command from the mid-layer.
    ///
    /// # Context
    ///
    /// The submitter; may sleep.
    pub(super) fn queue(&self, command: Command) -> Result<(), (Command, Busy)> {
        let tag = command.tag();
        let is_last = command.is_last();
        let Some(task) = self.tasks.get(tag) else {
            command.done(HostStatus::Error, 0);
            return Ok(());
        };
        let mut guard = task.lock();
        match self.gate() {
            Gate::Open => (),
            Gate::Recovering => return Err((command, Busy::Target)),
            gate @ (Gate::FailFast | Gate::Closed) => {
                let host = gate.status(guard.state());
                drop(guard);
                command.done(host, 0);
                return Ok(());
            }
        }
        if guard.state() != CommandState::Free {
            // It is freed before the mid-layer is told of its end, so this does not happen.
            return Err((command, Busy::Target));
        }
        guard.begin(self.id, Work::Scsi(ScsiTask::new(command)));
        drop(guard);
        let busy = self.busy.fetch_add(1, Relaxed);
        self.pending.push(tag);
        if is_last {
            // With many commands under way a thread that sends a few at once is worth its wake-up.
            if busy < SENT_BY_SUBMITTER {
                tx::send_now(self);
            } else {
                self.tx_event.signal();
            }
        }
        Ok(())
    }

    /// The answer to a command has come: completes it, or leaves that to the thread that still
    /// works on its pages.
    pub(super) fn answered(
        &self,
        tag: u32,
        mut guard: TaskGuard<'_>,
        outcome: Outcome,
        by: Completer,
    ) {
        match guard.scsi() {
            Some(scsi) if scsi.outcome.is_some() => self.released(tag, guard, by),
            Some(scsi) => {
                scsi.outcome = Some(if scsi.damaged {
                    Outcome::transport(HostStatus::Error)
                } else {
                    outcome
                });
                self.released(tag, guard, by);
            }
            None => (),
        }
    }

    /// A thread has let go of the pages of a task: completes it if its end has been decided.
    ///
    /// NOTE: completed by the thread that finds it complete, RX as a rule, and not by IC: with no
    /// lock held, `scsi_done` neither sleeps nor calls an error handler, which always has a thread
    /// of its own in Linux. IC completes what a flush ends.
    pub(super) fn released(&self, tag: u32, mut guard: TaskGuard<'_>, by: Completer) {
        let Some(scsi) = guard.scsi() else {
            return;
        };
        if scsi.is_held() {
            return;
        }
        let Some(outcome) = scsi.outcome else {
            if guard.state() != CommandState::Active {
                self.eh_event.signal();
            }
            return;
        };
        guard.apply(self.id, CommandEvent::Answered(Answer::Done));
        match self.tasks.get(tag) {
            Some(task) => task.complete(self, guard, outcome, by),
            None => drop(guard),
        }
    }

    /// As [`Session::released`], with the completion left to the IC thread.
    pub(super) fn hand_over(&self, tag: u32, mut guard: TaskGuard<'_>) {
        match guard.scsi() {
            Some(scsi) if scsi.outcome.is_some() && !scsi.is_held() => (),
            Some(_) => return self.released(tag, guard, Completer::Thread),
            None => return,
        }
        guard.apply(self.id, CommandEvent::Answered(Answer::Done));
        drop(guard);
        self.completions.push(tag);
        self.ic_event.signal();
    }

    /// Ends one task that has been sent or waits to be, for the given reason. The IC thread
    /// completes it.
    ///
    /// For a walk over the tasks after the threads of the connection have ended, or for commands
    /// that no thread holds.
    fn disturb(&self, tag: u32, guard: &mut TaskGuard<'_>, ending: Ending, host: HostStatus) {
        match guard.state() {
            CommandState::Pending | CommandState::Active | CommandState::Aborting => (),
            CommandState::Free | CommandState::Releasing | CommandState::Completed => return,
        }
        if let Some(scsi) = guard.scsi() {
            scsi.outcome.get_or_insert(Outcome::transport(host));
            if scsi.is_held() {
                // Its thread completes it, with this outcome.
                return;
            }
        }
        guard.apply(self.id, CommandEvent::Disturbed(ending));
        if guard.state() == CommandState::Releasing {
            guard.apply(self.id, CommandEvent::Released);
        }
        if guard.state() == CommandState::Completed {
            self.completions.push(tag);
            self.ic_event.signal();
        }
    }

    /// Ends everything that was given to a connection that is gone.
    ///
    /// # Context
    ///
    /// The WD thread, after the threads of the connection have ended and the gate has moved.
    pub(super) fn flush_all(&self) {
        let gate = self.gate();
        for (tag, task) in self.tasks.iter() {
            let mut guard = task.lock();
            let host = gate.status(guard.state());
            self.disturb(tag, &mut guard, Ending::TransportLost, host);
        }
        self.own_request_ended();
    }

    /// Ends what waits to be sent to a logical unit that is to be reset. The error handler has these
    /// commands as well, and the answer to the reset may open the window.
    pub(super) fn flush_waiting(&self, lun: Lun) {
        self.flush_if(HostStatus::Requeue, |state, scsi| {
            state == CommandState::Pending && scsi.lun == lun
        });
    }

    /// Ends what had been sent to a logical unit before it was reset.
    pub(super) fn flush_sent(&self, lun: Lun) {
        let reset = CmdSn::new(self.manage_sn.load(Acquire));
        self.flush_if(HostStatus::TransportDisrupted, |state, scsi| {
            let sent = matches!(state, CommandState::Active | CommandState::Aborting);
            // What was sent after the reset is not touched by it (RFC 7143 section 4.2.3.3).
            sent && scsi.lun == lun && scsi.cmd_sn.precedes(reset)
        });
    }

    /// Ends the commands that are meant, because of a reset.
    fn flush_if(&self, host: HostStatus, meant: impl Fn(CommandState, &ScsiTask) -> bool) {
        for (tag, task) in self.tasks.iter() {
            let mut guard = task.lock();
            let state = guard.state();
            if guard.scsi().is_some_and(|scsi| meant(state, scsi)) {
                self.disturb(tag, &mut guard, Ending::Reset, host);
            }
        }
    }

    /// Queues a request of our own; false if the last one of its kind is still under way.
    pub(super) fn submit_own(&self, own: Own, request: Request) -> bool {
        let Some(task) = self.tasks.get(own.tag()) else {
            return false;
        };
        let mut guard = task.lock();
        if guard.state() != CommandState::Free {
            return false;
        }
        guard.end(self.id);
        guard.begin(self.id, Work::Own(request, None));
        drop(guard);
        self.control.push(own.tag());
        self.tx_event.signal();
        true
    }

    /// The answer to a request of our own, if it has ended: `Some(None)` if nobody answered it.
    pub(super) fn own_result(&self, own: Own) -> Option<Option<u8>> {
        let guard = self.tasks.get(own.tag())?.lock();
        match guard.work {
            Work::Own(_, answer) if guard.state() == CommandState::Free => Some(answer),
            _ => None,
        }
    }

    /// Gives up a request of our own that is not answered in time.
    pub(super) fn give_up_own(&self, own: Own) {
        if let Some(task) = self.tasks.get(own.tag()) {
            let mut guard = task.lock();
            if matches!(guard.state(), CommandState::Pending | CommandState::Active) {
                guard.apply(self.id, CommandEvent::TimedOut);
            }
        }
    }

    /// Wakes those who wait for a request of our own.
    pub(super) fn own_request_ended(&self) {
        self.manage_event.signal();
        self.wd_event.signal();
    }

    /// Sends a task management request and waits for the answer, at most `timeout_ms`.
    ///
    /// # Context
    ///
    /// An error handler, with `eh` held; sleeps.
    pub(super) fn manage(&self, request: Request, timeout_ms: i64) -> Option<u8> {
        if !self.submit_own(Own::Manage, request) {
            return None;
        }
        if self.gate() != Gate::Open {
            // The flush that follows the move of the gate may have been before.
            self.give_up_own(Own::Manage);
        }
        let start = Instant::<Monotonic>::now();
        loop {
            if let Some(answer) = self.own_result(Own::Manage) {
                return answer;
            }
            let left = timeout_ms - start.elapsed().as_millis();
            if left <= 0 {
                self.give_up_own(Own::Manage);
                return self.own_result(Own::Manage).flatten();
            }
            self.manage_event.wait(Some(left as u32));
        }
    }

    /// The body of the IC thread: completes what flushes and resets have ended.
    pub(super) fn run_ic(self: Arc<Self>) {
        loop {
            while let Some(tag) = self.completions.pop() {
                let Some(task) = self.tasks.get(tag) else {
                    continue;
                };
                let mut guard = task.lock();
                if guard.state() != CommandState::Completed {
                    continue;
                }
                let outcome = guard.scsi().and_then(|scsi| scsi.outcome);
                let outcome = outcome.unwrap_or(Outcome::transport(HostStatus::Error));
                task.complete(&self, guard, outcome, Completer::Thread);
                self.eh_event.signal();
            }
            if self.ic_stop.load(Acquire) != 0 && self.completions.is_empty() {
                return;
            }
            self.ic_event.wait(None);
        }
    }

    /// Tells the IC thread to end, after what it has to do.
    pub(super) fn stop_ic(&self) {
        self.ic_stop.store(1, Release);
        self.ic_event.signal();
    }
}

/// The first CmdSN of a session.
pub(super) const FIRST_CMD_SN: CmdSn = CmdSn::new(1);

/// The number of our connection in the transport class, where udev looks for it.
pub(super) const CLASS_CONNECTION: u32 = 0;
