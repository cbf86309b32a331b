// SPDX-License-Identifier: GPL-2.0

//! What the SCSI mid-layer asks of a session: commands, timeouts, error handling, attributes.

use super::{
    connection::{
        Connection,
        ConnectionError, //
    },
    files::FILES,
    session::{
        Gate,
        Session, //
    },
    task::{
        Request,
        ScsiTask,
        Work, //
    },
};
use crate::{
    config::limits,
    linux::{
        scsi::{
            Busy,
            Command,
            DiskQueue,
            EhCommand,
            EhOutcome,
            HostOps,
            TimeoutAction, //
        },
        sysfs::Groups, //
    },
    proto::{
        command::{
            CommandEvent,
            CommandState,
            Ending, //
        },
        keys::{
            Digest,
            DigestOffer, //
        },
        pdu::{
            Lun,
            TaskFunction,
            TaskFunctionResponse, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Instant,
        Monotonic, //
    },
};

/// How long the threads of a connection may take to let go of a command, in milliseconds. They are
/// only as slow as one call to the socket, and a connection that is shut down ends that.
const LET_GO_MS: i64 = 10_000;

/// The step of waiting in milliseconds, as a safety net: what is waited for signals.
const STEP_MS: u32 = 200;

impl HostOps for Session {
    const FILES: Option<&'static Groups<Self>> = Some(&FILES);

    fn queue_command(&self, cmd: Command) -> Result<(), (Command, Busy)> {
        self.queue(cmd)
    }

    fn commit(&self) {
        self.tx_event.signal();
    }

    fn timed_out(&self, _cmd: &EhCommand) -> TimeoutAction {
        if self.gate() != Gate::Open {
            // The recovery of the connection ends the command, one way or the other.
            return TimeoutAction::ResetTimer;
        }
        // Also what has not been sent yet: the error handler starts only when nobody waits.
        TimeoutAction::Abort
    }

    fn abort(&self, cmd: &EhCommand) -> EhOutcome {
        let _one_at_a_time = self.eh.lock();
        let Some(task) = self.tasks.get(cmd.tag()) else {
            return EhOutcome::Failed;
        };
        let mut guard = task.lock();
        let referenced = match &guard.work {
            Work::Scsi(scsi) if cmd.is(&scsi.command) => {
                guard.itt().map(|itt| (itt, scsi.cmd_sn, scsi.lun))
            }
            // It has ended meanwhile.
            _ => {
                drop(guard);
                return self.wait_until_gone(cmd);
            }
        };
        match guard.state() {
            CommandState::Pending => {
                guard.apply(self.id, CommandEvent::AbortWanted);
                let work = guard.end(self.id);
                drop(guard);
                self.give_up(work);
                return EhOutcome::Success;
            }
            CommandState::Active => {
                guard.apply(self.id, CommandEvent::TimedOut);
            }
            CommandState::Aborting
            | CommandState::Releasing
            | CommandState::Completed
            | CommandState::Free => (),
        }
        drop(guard);

        let Some((itt, cmd_sn, lun)) = referenced else {
            return EhOutcome::Failed;
        };
        if self.gate() != Gate::Open {
            // The flush of the lost connection takes care of it.
            return self.wait_until_gone(cmd);
        }
        let conn = self.connection();
        let answer = self.manage(
            Request::Manage {
                function: TaskFunction::ABORT_TASK,
                lun,
                referenced: Some((itt, cmd_sn)),
            },
            limits::abort().as_millis(),
        );
        match answer.map(TaskFunctionResponse::new) {
            // A task that does not exist has been answered before (RFC 7143 section 11.6.1), and
            // answers come in order.
            Some(TaskFunctionResponse::COMPLETE | TaskFunctionResponse::NO_TASK) => {
                self.take_back(cmd)
            }
            Some(_) if self.gate() == Gate::Open => EhOutcome::Failed,
            Some(_) => self.wait_until_gone(cmd),
            None => {
                self.management_timed_out(conn);
                self.wait_until_gone(cmd)
            }
        }
    }

    fn reset_lun(&self, cmd: &EhCommand) -> EhOutcome {
        let _one_at_a_time = self.eh.lock();
        match self.wait_for_recovery() {
            Gate::Open => (),
            gate => return self.after_loss(gate),
        }
        let lun = Lun(cmd.lun());
        self.flush_waiting(lun);
        let conn = self.connection();
        let answer = self.manage(
            Request::Manage {
                function: TaskFunction::LOGICAL_UNIT_RESET,
                lun,
                referenced: None,
            },
            limits::lu_reset().as_millis(),
        );
        match answer.map(TaskFunctionResponse::new) {
            Some(TaskFunctionResponse::COMPLETE) => (),
            Some(_) => return EhOutcome::Failed,
            None => {
                self.management_timed_out(conn);
                let gate = self.wait_for_recovery();
                return self.after_loss(gate);
            }
        }
        self.flush_sent(lun);
        let start = Instant::<Monotonic>::now();
        let flushed = self.wait_until(
            |scsi| scsi.outcome.is_none() || scsi.lun != lun,
            || start.elapsed().as_millis() < LET_GO_MS,
        );
        if flushed {
            EhOutcome::Success
        } else {
            EhOutcome::Failed
        }
    }

    /// NOTE: dropping the connection ends all tasks of the session at the target just as a TARGET
    /// WARM RESET would, without disturbing other initiators, and also when the target does not
    /// listen any more.
    fn reset_target(&self, _cmd: &EhCommand) -> EhOutcome {
        let _one_at_a_time = self.eh.lock();
        if let Some(conn) = self.connection() {
            self.connection_failed(&conn, ConnectionError::Reset);
            self.wait_until_down(&conn);
        }
        let gate = self.wait_for_recovery();
        self.after_loss(gate)
    }

    fn configure_device(&self, mut queue: DiskQueue<'_>) {
        // An answer that has arrived is in this CPU's caches; a call to another one costs more.
        queue.complete_anywhere();
        // By what is configured too: a digest that is agreed upon later finds the disk prepared.
        let agreed = self.connection().map(|conn| conn.data_digest);
        let wanted = self
            .initiator
            .config()
            .effective(&self.target.name)
            .data_digest;
        if agreed == Some(Digest::Crc32c) || wanted != DigestOffer::None {
            queue.require_stable_writes();
        } else {
            self.found_unstable_pages();
        }
    }
}

impl Session {
    /// Gives a command back to the error handler that asked for it.
    fn give_up(&self, work: Work) {
        if let Work::Scsi(scsi) = work {
            self.leaves();
            scsi.command.give_up();
        }
    }

    /// Takes a command back that the target has confirmed as aborted.
    fn take_back(&self, cmd: &EhCommand) -> EhOutcome {
        let start = Instant::<Monotonic>::now();
        while start.elapsed().as_millis() < LET_GO_MS {
            let Some(task) = self.tasks.get(cmd.tag()) else {
                return EhOutcome::Failed;
            };
            let mut guard = task.lock();
            let (ours, held) = match &guard.work {
                Work::Scsi(scsi) => (cmd.is(&scsi.command), scsi.is_held()),
                Work::None | Work::Own(..) => (false, false),
            };
            if !ours {
                drop(guard);
                return self.wait_until_gone(cmd);
            }
            if guard.state() == CommandState::Aborting && !held {
                guard.apply(self.id, CommandEvent::Disturbed(Ending::Aborted));
                guard.apply(self.id, CommandEvent::Released);
                let work = guard.end(self.id);
                drop(guard);
                self.give_up(work);
                return EhOutcome::Success;
            }
            drop(guard);
            self.eh_event.wait(Some(STEP_MS));
        }
        EhOutcome::Failed
    }

    /// Waits until the session holds a command no more that somebody else ends.
    fn wait_until_gone(&self, cmd: &EhCommand) -> EhOutcome {
        let start = Instant::<Monotonic>::now();
        while start.elapsed().as_millis() < LET_GO_MS {
            let Some(task) = self.tasks.get(cmd.tag()) else {
                // The command of a reset that was asked for by ioctl: it never came to us.
                return EhOutcome::Success;
            };
            let ours = match &task.lock().work {
                Work::Scsi(scsi) => cmd.is(&scsi.command),
                Work::None | Work::Own(..) => false,
            };
            if !ours && !task.is_completing() {
                return EhOutcome::Success;
            }
            self.eh_event.wait(Some(STEP_MS));
        }
        EhOutcome::Failed
    }

    /// A target that does not answer a management request is not worth waiting for: the connection
    /// goes, and with it what it holds. If it is another one by now than `conn`, over which the
    /// request went, the loss of that has ended the request.
    fn management_timed_out(&self, conn: Option<Arc<Connection>>) {
        if let Some(conn) = conn.filter(|conn| self.is_served_by(conn)) {
            self.connection_failed(&conn, ConnectionError::ManagementTimeout);
            self.wait_until_down(&conn);
        }
    }

    /// Waits until a connection that has failed is no longer the session's. The gate closes before.
    fn wait_until_down(&self, conn: &Arc<Connection>) {
        while self.is_served_by(conn) {
            self.eh_event.wait(Some(STEP_MS));
        }
    }

    /// Whether this is the session's connection.
    fn is_served_by(&self, conn: &Arc<Connection>) -> bool {
        self.connection().is_some_and(|now| Arc::ptr_eq(&now, conn))
    }

    /// The answer of a reset that cost the connection, at a gate that recovers no more.
    ///
    /// The mid-layer then finishes all commands, whichever it named, so none may be ours: after a
    /// recovery none of those that the loss ended, else none at all, as no new one comes in. There
    /// is no handler after this one, so it waits for as long as that takes.
    fn after_loss(&self, gate: Gate) -> EhOutcome {
        match gate {
            Gate::Open => {
                self.wait_until(|scsi| scsi.outcome.is_none(), || true);
                EhOutcome::Success
            }
            Gate::FailFast | Gate::Recovering | Gate::Closed => {
                self.wait_until(|_| false, || true);
                if gate == Gate::FailFast {
                    EhOutcome::FailFast
                } else {
                    EhOutcome::Failed
                }
            }
        }
    }

    /// Waits until each task has no command, or one that `may_stay`, as long as `go_on` says so.
    fn wait_until(&self, may_stay: impl Fn(&ScsiTask) -> bool, go_on: impl Fn() -> bool) -> bool {
        for (_, task) in self.tasks.iter() {
            loop {
                let clear = match &task.lock().work {
                    Work::Scsi(scsi) => may_stay(scsi),
                    Work::None | Work::Own(..) => true,
                };
                if clear && !task.is_completing() {
                    break;
                }
                if !go_on() {
                    return false;
                }
                self.eh_event.wait(Some(STEP_MS));
            }
        }
        true
    }

    /// Waits until the connection is there again or has been given up. The recovery timeout of the
    /// transport class bounds it.
    fn wait_for_recovery(&self) -> Gate {
        loop {
            match self.gate() {
                Gate::Recovering => self.eh_event.wait(Some(STEP_MS)),
                gate @ (Gate::Open | Gate::FailFast | Gate::Closed) => return gate,
            };
        }
    }
}
