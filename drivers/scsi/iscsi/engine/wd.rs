// SPDX-License-Identifier: GPL-2.0

//! The WD thread of a session: logs in, watches, recovers, logs out. It alone takes the steps of
//! the connection's and the session's machine, so no two of them ever run at the same time.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    initiator::SessionEvent as Announcement,
    login,
    session::{
        Gate,
        Own,
        Session,
        CLASS_CONNECTION, //
    },
    task::Request,
    worker::Worker, //
};
use crate::{
    config::limits,
    linux::{
        memalloc::NoIo,
        transport, //
    },
    proto::{
        connection::{
            self,
            ConnectionAction,
            ConnectionEvent,
            ConnectionState, //
        },
        login::Retry,
        machine::Verdict,
        session::{
            self,
            SessionAction,
            SessionEvent,
            SessionKind, //
        },
    },
};
use kernel::{
    pr_warn_once,
    prelude::*,
    sync::Arc,
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};

/// The connection that a thread serves, and its session.
pub(super) type Service = (Arc<Session>, Arc<Connection>);

/// What the WD thread starts with: the threads serve one connection after another.
pub(super) struct Crew {
    pub(super) session: Arc<Session>,
    pub(super) tx: Worker<Service>,
    pub(super) rx: Worker<Service>,
    pub(super) memory: login::Memory,
}

/// The first retries after a loss come sooner than [`limits::retry_delay`]: in milliseconds.
const EARLY_RETRIES_MS: [u32; 4] = [0, 200, 1000, 2000];

/// The WD thread's own state.
struct Watchdog {
    session: Arc<Session>,
    tx: Worker<Service>,
    rx: Worker<Service>,
    memory: login::Memory,
    /// The connection that was just made, until its threads run.
    fresh: Option<Arc<Connection>>,
    /// Since when the present attempts to log in go on.
    trying_since: Instant<Monotonic>,
    /// Attempts since the last connection that lasted.
    attempts: usize,
    /// When the present connection, or the last one, came up.
    up_since: Instant<Monotonic>,
    /// When the last connection ended.
    down_since: Instant<Monotonic>,
    /// How long the target wants no login after that.
    respite: Delta,
    /// Milliseconds from `waiting_since` until the next attempt; `None`: no more attempts.
    next_attempt: Option<u32>,
    waiting_since: Instant<Monotonic>,
    /// A ping is under way since then.
    pinged: Option<Instant<Monotonic>>,
    /// A logout is under way since then.
    logging_out: Option<Instant<Monotonic>>,
    /// The session is being removed since then.
    closing_since: Option<Instant<Monotonic>>,
}

/// The body of the WD thread.
///
/// # Context
///
/// Allocates without I/O: memory may be waiting for the connection that it brings back.
pub(super) fn run(crew: Crew) {
    let _no_io = NoIo::enter();
    let Crew {
        session,
        tx,
        rx,
        memory,
    } = crew;
    let mut watchdog = Watchdog {
        session,
        tx,
        rx,
        memory,
        fresh: None,
        trying_since: Instant::now(),
        attempts: 0,
        up_since: Instant::now(),
        down_since: Instant::now(),
        respite: Delta::ZERO,
        next_attempt: Some(0),
        waiting_since: Instant::now(),
        pinged: None,
        logging_out: None,
        closing_since: None,
    };
    while watchdog.step() {}
}

impl Watchdog {
    /// Does what is due and waits for the next event; false at the end.
    fn step(&mut self) -> bool {
        let stopping = self.session.is_stopping();
        let wait = match self.state() {
            state @ (ConnectionState::Free
            | ConnectionState::InLogin
            | ConnectionState::Failed
            | ConnectionState::Polling) => {
                if stopping || (self.session.is_closing() && state != ConnectionState::Free) {
                    self.raise(ConnectionEvent::LoginRefused);
                    self.session.set_gate(Gate::Closed);
                    self.session.flush_all();
                    if stopping {
                        return false;
                    }
                    self.next_attempt = None;
                }
                None
            }
            ConnectionState::LoggedIn => Some(self.watch(stopping)),
            ConnectionState::InLogout => Some(self.watch_logout()),
        };
        let wait = match wait {
            Some(wait) => Some(wait),
            None => match self.until_attempt() {
                Some(0) => {
                    self.attempt();
                    return true;
                }
                wait => wait,
            },
        };
        if wait != Some(0) {
            self.session.wd_event.wait(wait);
        }
        true
    }

    /// Milliseconds until the next attempt to log in.
    fn until_attempt(&mut self) -> Option<u32> {
        if self.session.take_poke() && !self.session.is_closing() {
            self.next_attempt = Some(0);
            self.trying_since = Instant::now();
            self.attempts = 0;
            self.respite = Delta::ZERO;
        }
        let passed = self.waiting_since.elapsed().as_millis();
        self.next_attempt
            .map(|delay| (i64::from(delay) - passed).clamp(0, i64::from(u32::MAX)) as u32)
    }

    /// Looks after a connection in its full feature phase; milliseconds until the next look.
    fn watch(&mut self, stopping: bool) -> u32 {
        let Some(conn) = self.session.connection() else {
            // Cannot be: the state says that there is one.
            self.raise(ConnectionEvent::TransportLost);
            return 0;
        };
        if let Some(error) = conn.error() {
            self.lost(error);
            return 0;
        }
        if stopping {
            self.raise(ConnectionEvent::LogoutWanted);
            return 0;
        }
        // Asked for once more meanwhile, it is under way.
        if self.session.take_logout_wanted() && self.logging_out.is_none() {
            self.session
                .report_loss(format_args!("target asked for a logout"));
            self.leave_as_asked();
            return 0;
        }
        if let Some(since) = self.logging_out {
            return self.leaving(since);
        }
        if self.session.take_scan_wanted() {
            if let Some(side) = self.session.scsi_side() {
                side.class.start_scan();
            }
        }
        let Some(left) = self.removal_left() else {
            self.session
                .connection_failed(&conn, ConnectionError::RemovalTimeout);
            return 0;
        };
        self.keep_alive(&conn).min(left)
    }

    /// Milliseconds that the disks of a session that is being removed still have for their last
    /// commands; `None` when the time is over.
    fn removal_left(&mut self) -> Option<u32> {
        if !self.session.is_closing() {
            return Some(u32::MAX);
        }
        let since = *self.closing_since.get_or_insert_with(Instant::now);
        let left = limits::removal().as_millis() - since.elapsed().as_millis();
        u32::try_from(left).ok().filter(|&left| left > 0)
    }

    /// Logs out because the target wants it (RFC 7143 section 11.9.1), holding commands back.
    ///
    /// NOTE: the table's T11 leads over S4 to a session that is offline. A target that asks for a
    /// logout wants us to come back, so this is a loss with a recovery, only in good order.
    fn leave_as_asked(&mut self) {
        self.session.set_gate(Gate::Recovering);
        if let Some(side) = self.session.scsi_side() {
            side.class.block();
        }
        self.session.submit_own(Own::Logout, Request::Logout);
        self.logging_out = Some(Instant::now());
    }

    /// Waits for the end of a logout that the target wanted; milliseconds until the next look.
    fn leaving(&mut self, since: Instant<Monotonic>) -> u32 {
        let left = limits::logout().as_millis() - since.elapsed().as_millis();
        if self.session.own_result(Own::Logout).is_none() && left > 0 {
            return left as u32;
        }
        self.logging_out = None;
        self.raise(ConnectionEvent::TransportLost);
        0
    }

    /// Asks a silent target whether it lives. A session that is being removed asks at once, and
    /// does not wait long: its disks may be waiting for a target that is gone.
    fn keep_alive(&mut self, conn: &Connection) -> u32 {
        let silent = conn.silent_ms();
        let closing = self.session.is_closing();
        let (idle, patience) = if closing {
            (0, limits::logout().as_millis())
        } else {
            (
                limits::nop_idle().as_millis(),
                limits::nop_timeout().as_millis(),
            )
        };
        if self.pinged.is_some() && self.session.own_result(Own::Ping).is_some() {
            self.pinged = None;
            if closing {
                return patience as u32;
            }
        }
        if silent < idle {
            // Whatever the target sends shows that it lives.
            self.pinged = None;
            return (idle - silent) as u32;
        }
        match self.pinged {
            None => {
                self.session.submit_own(Own::Ping, Request::Ping);
                self.pinged = Some(Instant::now());
                patience as u32
            }
            Some(since) => {
                let waited = since.elapsed().as_millis();
                if waited >= patience {
                    self.session
                        .connection_failed(conn, ConnectionError::NopTimeout);
                    return 0;
                }
                (patience - waited) as u32
            }
        }
    }

    /// Waits for the answer to a logout; milliseconds until the next look.
    fn watch_logout(&mut self) -> u32 {
        let waited = self
            .logging_out
            .map_or(i64::MAX, |since| since.elapsed().as_millis());
        let answered = self.session.own_result(Own::Logout).is_some();
        let broken = self
            .session
            .connection()
            .is_none_or(|conn| conn.error().is_some());
        if answered || broken || waited >= limits::logout().as_millis() {
            self.raise(ConnectionEvent::LogoutDone);
            return 0;
        }
        (limits::logout().as_millis() - waited) as u32
    }

    /// The connection was lost.
    fn lost(&mut self, error: ConnectionError) {
        self.session.report_loss(format_args!("{error}"));
        self.raise(if error.is_protocol() {
            ConnectionEvent::ProtocolError
        } else {
            ConnectionEvent::TransportLost
        });
    }

    /// Tries to log in once.
    #[inline(never)]
    fn attempt(&mut self) {
        if self.state() == ConnectionState::Free {
            self.raise(ConnectionEvent::Connect);
        }
        self.attempts = self.attempts.saturating_add(1);
        let result = login::run(&self.session, &mut self.memory);
        self.session.login_awaits(None);
        match result {
            Ok(conn) => {
                self.fresh = Some(conn);
                self.raise(ConnectionEvent::LoginDone);
            }
            Err(failure) => self.login_failed(failure),
        }
    }

    fn login_failed(&mut self, failure: login::Failure) {
        if self.session.is_stopping() {
            return;
        }
        self.session.report_failed_login(&failure);
        self.announce_failure();
        let recovering = self.state() != ConnectionState::InLogin;
        if failure.retry() == Retry::Never && !recovering {
            self.raise(ConnectionEvent::LoginRefused);
            self.next_attempt = None;
            return;
        }
        // NOTE: a target that comes back may refuse for a while what it served before, until all
        // of its configuration is there: an established session is never given up for a refusal.
        if self.trying_since.elapsed().as_millis() < limits::RETRY_WINDOW.as_millis() {
            self.schedule_retry();
            return;
        }
        self.raise(ConnectionEvent::LoginLost);
        // A session that never was logged in stays wanted: it goes on at the pace of polling.
        self.schedule(limits::POLLING_DELAY);
    }

    /// The next attempt: soon at first, then at the pace of [`limits::retry_delay`], and not before
    /// the target wants it (RFC 7143 section 7.5).
    fn schedule_retry(&mut self) {
        let delay = EARLY_RETRIES_MS
            .get(self.attempts)
            .map(|&ms| Delta::from_millis(i64::from(ms)))
            .filter(|&early| early < limits::retry_delay())
            .unwrap_or(limits::retry_delay());
        self.schedule(delay.max(self.respite - self.down_since.elapsed()));
    }

    /// Tells why nothing happens for a while.
    fn announce_respite(&self) {
        if self.respite > limits::retry_delay() {
            pr_info!(
                "session {} ({}): the target wants no login for {} s\n",
                self.session.id,
                self.target(),
                self.respite.as_millis() / 1000,
            );
        }
    }

    fn schedule(&mut self, delay: Delta) {
        self.waiting_since = Instant::now();
        self.next_attempt = Some(delay.as_millis().clamp(0, i64::from(u32::MAX)) as u32);
    }

    fn state(&self) -> ConnectionState {
        self.session.slow.lock().connection_state
    }

    /// Takes one step of the connection machine and does what follows.
    fn raise(&mut self, event: ConnectionEvent) {
        let (old, step) = {
            let mut slow = self.session.slow.lock();
            let old = slow.connection_state;
            let step = connection::next(SessionKind::Normal, old, event);
            slow.connection_state = step.state;
            (old, step)
        };
        if step.verdict == Verdict::Unexpected {
            super::trace::impossible(self.session.id, 0);
            pr_warn_once!(
                "session {}: connection in state {} cannot take {}\n",
                self.session.id,
                old.as_str(),
                event.number(),
            );
            return;
        }
        crate::linux::trace::conn_state(
            self.session.id,
            0,
            old as u8,
            event as u8,
            step.state as u8,
        );
        for action in step.actions {
            match action {
                // The caller goes on to log in.
                ConnectionAction::Login => (),
                ConnectionAction::StartThreads => self.start_threads(),
                ConnectionAction::StopTx => self.stop_threads(),
                ConnectionAction::Disconnect => self.disconnect(),
                ConnectionAction::FlushActive => self.session.flush_all(),
                ConnectionAction::SendLogout => {
                    self.session.submit_own(Own::Logout, Request::Logout);
                    self.logging_out = Some(Instant::now());
                }
                ConnectionAction::RetryLogin => {
                    self.trying_since = Instant::now();
                    // A connection that breaks as soon as it is up is tried ever less often.
                    if self.up_since.elapsed() >= limits::retry_delay() {
                        self.attempts = 0;
                    }
                    self.schedule_retry();
                    self.announce_respite();
                }
                ConnectionAction::PollLogin => self.schedule(limits::POLLING_DELAY),
                ConnectionAction::Session(event) => self.raise_session(event),
            }
        }
    }

    /// Takes one step of the session machine and does what follows.
    #[inline(never)]
    fn raise_session(&mut self, event: SessionEvent) {
        let (old, step, reason) = {
            let mut slow = self.session.slow.lock();
            let old = slow.state;
            let step = session::next(SessionKind::Normal, old, event);
            slow.state = step.state;
            (old, step, slow.last_error())
        };
        if step.verdict == Verdict::Unexpected {
            super::trace::impossible(self.session.id, 0);
            pr_warn_once!(
                "session {}: session in state {} cannot take {}\n",
                self.session.id,
                old.as_str(),
                event.number(),
            );
            return;
        }
        crate::linux::trace::sess_state(self.session.id, old as u8, event as u8, step.state as u8);
        for action in step.actions {
            match action {
                SessionAction::AnnounceOnline => {
                    pr_info!("session {} {} online\n", self.session.id, self.target());
                }
                SessionAction::AnnounceOffline => {
                    pr_info!("session {} {} offline\n", self.session.id, self.target());
                }
                SessionAction::Enumerate => self.enumerate(),
                // Pending and active commands are flushed together, by FlushActive.
                SessionAction::FlushPending | SessionAction::ForgetPhase => (),
                SessionAction::OfflineLuns => {
                    self.session.set_gate(Gate::FailFast);
                    if let Some(side) = self.session.scsi_side() {
                        side.class.give_up();
                    }
                }
            }
        }
        if old != step.state {
            self.session.initiator.announce(&Announcement {
                id: self.session.id,
                target: self.session.target.name,
                old,
                new: step.state,
                // A session that is there again keeps no reason of the time before.
                reason: (!reason.is_empty() && !step.state.is_full_feature())
                    .then_some(reason.as_str()),
            });
        }
    }

    /// Tells those who wait for a login that this one failed.
    #[inline(never)]
    fn announce_failure(&self) {
        let (state, reason) = {
            let slow = self.session.slow.lock();
            (slow.state, slow.last_error())
        };
        self.session.initiator.announce(&Announcement {
            id: self.session.id,
            target: self.session.target.name,
            old: state,
            new: state,
            reason: Some(reason.as_str()),
        });
    }

    fn target(&self) -> &str {
        self.session.target.name.as_str()
    }

    /// Lets commands through, and looks for logical units.
    fn enumerate(&mut self) {
        {
            let mut slow = self.session.slow.lock();
            slow.forget_failures();
        }
        self.session.set_gate(Gate::Open);
        if let Some(side) = self.session.scsi_side() {
            side.class
                .set_connection_state(CLASS_CONNECTION, transport::ConnectionState::Up);
            side.class.unblock();
            side.class.start_scan();
        }
    }

    /// Lets the threads serve a connection that has logged in.
    fn start_threads(&mut self) {
        self.next_attempt = None;
        self.pinged = None;
        self.logging_out = None;
        self.up_since = Instant::now();
        let Some(conn) = self.fresh.take() else {
            return;
        };
        self.session.take_logout_wanted();
        {
            let mut slow = self.session.slow.lock();
            slow.connection = Some(conn.clone());
            self.session.take_poke();
        }
        self.tx.start((self.session.clone(), conn.clone()));
        self.rx.start((self.session.clone(), conn));
    }

    /// Ends the work of the threads on the connection: after this nobody holds the pages of a command.
    fn stop_threads(&mut self) {
        self.session.set_gate(Gate::Recovering);
        if let Some(side) = self.session.scsi_side() {
            side.class
                .set_connection_state(CLASS_CONNECTION, transport::ConnectionState::Failed);
            if !self.session.is_closing() {
                side.class.block();
            }
        }
        if let Some(conn) = self.session.connection() {
            // Another reason stands already, unless the session has logged out.
            conn.fail(ConnectionError::ClosedByTarget);
            self.session.tx_event.signal();
        }
        self.tx.finish();
        self.rx.finish();
        // What is flushed then is held back when the mid-layer sends it again.
        if let Some(side) = self.session.scsi_side() {
            side.class.wait_until_blocked();
        }
    }

    /// Forgets the connection.
    fn disconnect(&mut self) {
        self.fresh = None;
        let conn = {
            let mut slow = self.session.slow.lock();
            slow.tsih = None;
            slow.connection.take()
        };
        if let Some(conn) = conn {
            self.down_since = Instant::now();
            self.respite = Delta::from_secs(conn.time_to_wait().into());
            // Somebody may look at the connection a while longer; its packets must not, as the
            // pages in them go back with the flush.
            conn.socket.abort();
        }
        self.session.eh_event.signal();
    }
}
