// SPDX-License-Identifier: GPL-2.0

//! What the SCSI mid-layer asks of a session: commands, timeouts, error handling, attributes.

use super::{
    connection::ConnectionError,
    files::FILES,
    session::{
        Gate,
        Session, //
    },
    task::{
        Request,
        Work, //
    },
};
use crate::{
    linux::{
        scsi::{
            Busy,
            Command,
            EhCommand,
            EhOutcome,
            HostOps,
            QueueLimits,
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
        pdu::{
            Digest,
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

/// How long an ABORT TASK may take, in milliseconds.
const ABORT_MS: i64 = 15_000;

/// How long the reset of a logical unit may take, in milliseconds.
const RESET_MS: i64 = 30_000;

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

    fn timed_out(&self, cmd: &EhCommand) -> TimeoutAction {
        if self.gate() != Gate::Open {
            // The recovery of the connection ends the command, one way or the other.
            return TimeoutAction::ResetTimer;
        }
        match self.tasks.get(cmd.tag()).map(|task| task.lock().state()) {
            // Not sent yet, for lack of room in the target's window: nothing to abort.
            Some(CommandState::Pending) => TimeoutAction::ResetTimer,
            _ => TimeoutAction::Abort,
        }
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
                give_up(work);
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
        let answer = self.manage(
            Request::Manage {
                function: TaskFunction::ABORT_TASK,
                lun,
                referenced: Some((itt, cmd_sn)),
            },
            ABORT_MS,
        );
        match answer.map(TaskFunctionResponse::new) {
            // A task that does not exist has been answered before (RFC 7143 section 11.6.1), and
            // answers come in order.
            Some(TaskFunctionResponse::COMPLETE | TaskFunctionResponse::NO_TASK) => {
                self.take_back(cmd)
            }
            _ if self.gate() != Gate::Open => self.wait_until_gone(cmd),
            _ => EhOutcome::Failed,
        }
    }

    fn reset_lun(&self, cmd: &EhCommand) -> EhOutcome {
        let _one_at_a_time = self.eh.lock();
        match self.wait_for_recovery() {
            Gate::Open => (),
            // Without a connection nothing of ours is sent; what it left is being flushed.
            Gate::FailFast => {
                return match self.wait_until_flushed(None) {
                    EhOutcome::Success => EhOutcome::FailFast,
                    other => other,
                }
            }
            Gate::Recovering | Gate::Closed => return EhOutcome::Failed,
        }
        let lun = Lun(cmd.lun());
        let answer = self.manage(
            Request::Manage {
                function: TaskFunction::LOGICAL_UNIT_RESET,
                lun,
                referenced: None,
            },
            RESET_MS,
        );
        if answer.map(TaskFunctionResponse::new) != Some(TaskFunctionResponse::COMPLETE) {
            return EhOutcome::Failed;
        }
        self.flush_lun(lun);
        self.wait_until_flushed(Some(lun))
    }

    /// NOTE: dropping the connection ends all tasks of the session at the target just as a TARGET
    /// WARM RESET would, without disturbing other initiators, and also when the target does not
    /// listen any more.
    fn reset_target(&self, _cmd: &EhCommand) -> EhOutcome {
        let _one_at_a_time = self.eh.lock();
        if let Some(conn) = self.connection() {
            self.connection_failed(&conn, ConnectionError::Reset);
            // The gate closes before the connection goes.
            while self
                .connection()
                .is_some_and(|now| Arc::ptr_eq(&now, &conn))
            {
                self.eh_event.wait(Some(STEP_MS));
            }
        }
        let flushed = self.wait_until_flushed(None);
        if flushed != EhOutcome::Success {
            return flushed;
        }
        match self.wait_for_recovery() {
            Gate::Open => EhOutcome::Success,
            Gate::FailFast => EhOutcome::FailFast,
            Gate::Recovering | Gate::Closed => EhOutcome::Failed,
        }
    }

    fn configure_device(&self, mut limits: QueueLimits<'_>) {
        let digest = self.connection().map(|conn| conn.data_digest);
        if digest == Some(Digest::Crc32c) {
            limits.require_stable_writes();
        }
    }
}

impl Session {
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
                give_up(work);
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

    /// Waits until no command is left whose end has been decided: of one logical unit, or of all.
    ///
    /// The mid-layer finishes all of them after a reset that succeeded, whichever it named.
    fn wait_until_flushed(&self, lun: Option<Lun>) -> EhOutcome {
        let start = Instant::<Monotonic>::now();
        for (_, task) in self.tasks.iter() {
            loop {
                let ending = task.lock().scsi().is_some_and(|scsi| {
                    scsi.outcome.is_some() && lun.is_none_or(|lun| scsi.lun == lun)
                });
                if !ending && !task.is_completing() {
                    break;
                }
                if start.elapsed().as_millis() >= LET_GO_MS {
                    return EhOutcome::Failed;
                }
                self.eh_event.wait(Some(STEP_MS));
            }
        }
        EhOutcome::Success
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

/// Gives a command back to the error handler that asked for it.
fn give_up(work: Work) {
    if let Work::Scsi(scsi) = work {
        scsi.command.give_up();
    }
}
