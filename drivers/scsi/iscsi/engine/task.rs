// SPDX-License-Identifier: GPL-2.0

//! Tasks: one for each tag of the block layer, and a few for requests of our own.
//!
//! A task belongs to the session, not to a SCSI command, so that a tag from the wire is only ever
//! an index into memory that exists; whether a command is behind it, and the right one, is asked
//! under the task's lock.

use super::session::{
    Completer,
    Session, //
};
use crate::{
    config::limits::MAX_OUTSTANDING_R2T,
    linux::{
        lock::{
            new_spinlock_bh,
            SpinLockBh,
            SpinLockBhGuard, //
        },
        scsi::{
            Command,
            Direction,
            HostStatus, //
        },
    },
    proto::{
        command::{
            self,
            CommandEvent,
            CommandKind,
            CommandState, //
        },
        data_in::DataInTracker,
        data_out::{
            Burst,
            R2tRing,
            TransferLimits,
            WritePlan, //
        },
        machine::Verdict,
        pdu::{
            Itt,
            Lun,
            TaskFunction, //
        },
        sn::CmdSn, //
    },
};
use kernel::{
    pr_warn_once,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    }, //
};

/// The bits of an Initiator Task Tag that are the number of the task; the rest is its generation,
/// which tells a late answer to an earlier use of the task from one to the present use.
const INDEX_BITS: u32 = 12;

/// The most tasks a session may have. The last index is left out: with it, a tag could be the
/// reserved one of all ones.
pub(super) const MAX_TASKS: u32 = (1 << INDEX_BITS) - 1;

/// How a command ends, as it will be told to the mid-layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) host: HostStatus,
    /// The SCSI status byte.
    pub(super) status: u8,
    /// Bytes that were not transferred.
    pub(super) residual: u32,
}

impl Outcome {
    /// The transport ended it.
    pub(super) fn transport(host: HostStatus) -> Self {
        Self {
            host,
            status: 0,
            residual: 0,
        }
    }
}

/// A SCSI command at work.
pub(super) struct ScsiTask {
    pub(super) command: Command,
    pub(super) direction: Direction,
    /// Expected Data Transfer Length in bytes, RFC 7143 section 11.3.4.
    pub(super) expected: u32,
    pub(super) lun: Lun,
    /// The CmdSN it was sent with.
    pub(super) cmd_sn: CmdSn,
    pub(super) data_in: DataInTracker,
    /// What is sent unasked after the command, RFC 7143 section 4.2.5.2.
    pub(super) unsolicited: Option<Burst>,
    pub(super) r2ts: R2tRing<{ MAX_OUTSTANDING_R2T as usize }>,
    /// The TX thread is sending from its pages.
    pub(super) tx_holds: bool,
    /// The RX thread is receiving into its pages.
    pub(super) rx_holds: bool,
    /// Data have come with a wrong digest: it fails, however the target ends it.
    pub(super) damaged: bool,
    /// The end that was decided while a thread held the pages.
    pub(super) outcome: Option<Outcome>,
}

/// A request of our own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// A NOP-Out that asks for an answer.
    Ping,
    /// A task management request, RFC 7143 section 11.5.
    Manage {
        function: TaskFunction,
        lun: Lun,
        /// The task it is about, with its CmdSN.
        referenced: Option<(Itt, CmdSn)>,
    },
    /// A logout of the session, RFC 7143 section 11.14.
    Logout,
}

impl Request {
    fn kind(&self) -> CommandKind {
        match self {
            Self::Ping => CommandKind::NopPing,
            Self::Manage {
                function: TaskFunction::ABORT_TASK,
                ..
            } => CommandKind::Abort,
            Self::Manage { .. } => CommandKind::Reset,
            Self::Logout => CommandKind::Logout,
        }
    }
}

/// What a task is busy with.
pub(super) enum Work {
    /// Nothing.
    None,
    /// A command of the mid-layer.
    Scsi(ScsiTask),
    /// A request of our own, and the answer once it has come: a response code.
    Own(Request, Option<u8>),
}

/// What the lock of a task protects.
pub(super) struct TaskInner {
    index: u32,
    generation: u32,
    state: CommandState,
    pub(super) work: Work,
}

impl TaskInner {
    /// The tag on the wire of the present use.
    pub(super) fn itt(&self) -> Option<Itt> {
        Itt::new(self.generation << INDEX_BITS | self.index)
    }

    /// The state of the command machine.
    pub(super) fn state(&self) -> CommandState {
        self.state
    }

    fn kind(&self) -> CommandKind {
        match &self.work {
            Work::None | Work::Scsi(_) => CommandKind::Scsi,
            Work::Own(request, _) => request.kind(),
        }
    }

    /// Takes one step of the command machine: the only place that changes the state.
    ///
    /// The queues follow from the state, so most of the table's actions need no hand of ours here;
    /// what the caller has to look at is the state that comes back.
    pub(super) fn apply(&mut self, session: u32, event: CommandEvent) -> CommandState {
        let kind = self.kind();
        let step = command::next(kind, self.state, event);
        if step.verdict == Verdict::Unexpected {
            super::trace::impossible(session, self.index);
            pr_warn_once!(
                "session {}: command {} in state {} cannot take {}\n",
                session,
                self.index,
                self.state.as_str(),
                event.number(),
            );
            return self.state;
        }
        super::trace::command(
            session,
            self.generation << INDEX_BITS | self.index,
            kind,
            self.state,
            event,
            step.state,
        );
        self.state = step.state;
        self.state
    }

    /// Begins a use of the task.
    pub(super) fn begin(&mut self, session: u32, work: Work) {
        self.generation = (self.generation + 1) & (u32::MAX >> INDEX_BITS);
        self.work = work;
        self.apply(session, CommandEvent::Submitted);
    }

    /// The SCSI command, if that is what the task is busy with.
    pub(super) fn scsi(&mut self) -> Option<&mut ScsiTask> {
        match &mut self.work {
            Work::Scsi(task) => Some(task),
            Work::None | Work::Own(..) => None,
        }
    }

    /// Ends the use of a task that has reached [`CommandState::Completed`] or
    /// [`CommandState::Free`], and gives out what it was busy with.
    pub(super) fn end(&mut self, session: u32) -> Work {
        if self.state == CommandState::Completed {
            self.apply(session, CommandEvent::Delivered);
        }
        core::mem::replace(&mut self.work, Work::None)
    }
}

impl ScsiTask {
    /// A task for `command`. What depends on the connection is set by [`ScsiTask::arm`].
    pub(super) fn new(command: Command) -> Self {
        let limits = TransferLimits::DEFAULT;
        Self {
            direction: command.direction(),
            expected: command.len(),
            lun: Lun(command.lun()),
            cmd_sn: CmdSn::ZERO,
            data_in: DataInTracker::new(&limits, 0),
            unsolicited: None,
            r2ts: R2tRing::new(&limits, 0, &WritePlan::new(&limits, 0)),
            tx_holds: false,
            rx_holds: false,
            damaged: false,
            outcome: None,
            command,
        }
    }

    /// Prepares for the transfer over a connection with these limits: the command is about to be
    /// sent. Says which part of written data goes with it and after it.
    pub(super) fn arm(&mut self, limits: &TransferLimits, cmd_sn: CmdSn) -> WritePlan {
        let length = |direction| {
            if self.direction == direction {
                self.expected
            } else {
                0
            }
        };
        let plan = WritePlan::new(limits, length(Direction::Write));
        self.data_in = DataInTracker::new(limits, length(Direction::Read));
        self.r2ts = R2tRing::new(limits, length(Direction::Write), &plan);
        self.unsolicited = plan.unsolicited();
        self.cmd_sn = cmd_sn;
        plan
    }

    /// How many bytes of written data are sent, from the first one on.
    pub(super) fn sent(&self) -> u32 {
        match &self.unsolicited {
            Some(burst) => burst.offset(),
            None => self.r2ts.sent(),
        }
    }

    /// Whether a thread is working on the pages of the command.
    pub(super) fn is_held(&self) -> bool {
        self.tx_holds || self.rx_holds
    }
}

/// One task.
#[pin_data]
pub(super) struct Task {
    #[pin]
    inner: SpinLockBh<TaskInner>,
    /// Completions that have begun, under the lock, and not returned from the mid-layer yet.
    completing: Atomic<i32>,
}

/// The lock of a task, held.
pub(super) type TaskGuard<'a> = SpinLockBhGuard<'a, TaskInner>;

impl Task {
    /// Takes the task's lock: the first in the order of locks.
    pub(super) fn lock(&self) -> TaskGuard<'_> {
        self.inner.lock()
    }

    /// Completes the command of a task that has come to its end, without the lock.
    ///
    /// # Context
    ///
    /// Whoever `by` says, `guard` being the only lock of the engine that is held.
    pub(super) fn complete(
        &self,
        session: &Session,
        mut guard: TaskGuard<'_>,
        outcome: Outcome,
        by: Completer,
    ) {
        // Relaxed, as the lock orders it for whoever finds the task free.
        self.completing.fetch_add(1, Relaxed);
        let work = guard.end(session.id);
        drop(guard);
        if let Work::Scsi(mut scsi) = work {
            session.leaves();
            scsi.command.set_residual(outcome.residual);
            match by {
                Completer::Thread => scsi.command.done_here(outcome.host, outcome.status),
                Completer::Softirq => scsi.command.done(outcome.host, outcome.status),
            }
        }
        // Pairs with the Acquire in `is_completing`: who sees 0 comes after the call above.
        self.completing.fetch_sub(1, Release);
    }

    /// Whether a command that this task had may still be on its way to the mid-layer: until that
    /// has ended, the error handler must not have the command back.
    pub(super) fn is_completing(&self) -> bool {
        self.completing.load(Acquire) != 0
    }
}

/// All tasks of a session.
pub(super) struct TaskTable {
    tasks: KVec<Pin<KBox<Task>>>,
}

impl TaskTable {
    /// `count` tasks, at most [`MAX_TASKS`].
    pub(super) fn new(count: u32) -> Result<Self> {
        if count > MAX_TASKS {
            return Err(EINVAL);
        }
        let mut tasks = KVec::with_capacity(count as usize, GFP_KERNEL)?;
        for index in 0..count {
            tasks.push(
                KBox::pin_init(
                    pin_init!(Task {
                        inner <- new_spinlock_bh!(
                            TaskInner {
                                index,
                                generation: 0,
                                state: CommandState::Free,
                                work: Work::None,
                            },
                            "Task::inner"
                        ),
                        completing: Atomic::new(0),
                    }),
                    GFP_KERNEL,
                )?,
                GFP_KERNEL,
            )?;
        }
        Ok(Self { tasks })
    }

    /// The task with this number.
    pub(super) fn get(&self, index: u32) -> Option<&Task> {
        self.tasks.get(index as usize).map(|task| &**task)
    }

    /// The number of the task that a tag from the wire names, whatever it is busy with.
    pub(super) fn index_of(itt: Itt) -> u32 {
        itt.get() & MAX_TASKS
    }

    /// The task that a tag from the wire names, locked, if the tag is that of its present use.
    pub(super) fn find(&self, itt: Itt) -> Option<TaskGuard<'_>> {
        let guard = self.get(Self::index_of(itt))?.lock();
        (guard.itt() == Some(itt) && !matches!(guard.work, Work::None)).then_some(guard)
    }

    /// All tasks with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Task)> {
        self.tasks
            .iter()
            .enumerate()
            .map(|(index, task)| (index as u32, &**task))
    }
}
