// SPDX-License-Identifier: GPL-2.0

//! The command machine: one request of the initiator from its making to its completion.
//!
//! What makes it safe is the pair of states [`CommandState::Aborting`] and
//! [`CommandState::Releasing`]: a command whose buffers the receive or transmit path may still hold
//! is never completed; it waits on its own queue until the transport says that it has let go (E9).

use super::machine::{
    named_enum,
    Transition, //
};

named_enum! {
    /// Where a command stands, and so on which queue it is.
    pub enum CommandState {
        /// On no queue.
        Free = "free",
        /// On the session's pending queue.
        Pending = "pending",
        /// On the connection's active queue: sent, or being sent.
        Active = "active",
        /// Still on the active queue, with an ABORT TASK chasing it.
        Aborting = "aborting",
        /// On the connection's releasing queue: the transport was told to let go of the buffers
        /// ("IDM_ABORTING").
        Releasing = "releasing",
        /// On the session's completion queue.
        Completed = "completed",
    }
}

named_enum! {
    /// What a command is.
    pub enum CommandKind {
        /// A SCSI command of the upper layer.
        Scsi = "scsi",
        /// A NOP-Out of ours that wants an answer.
        NopPing = "nop_ping",
        /// A NOP-Out that answers a NOP-In of the target.
        NopReply = "nop_reply",
        /// ABORT TASK, chasing one SCSI command.
        Abort = "abort",
        /// LUN reset, target reset and the other task-management functions.
        Reset = "reset",
        /// Logout request.
        Logout = "logout",
        /// Text request.
        Text = "text",
    }
}

/// What can happen to a command, with what has to be known to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEvent {
    /// E1: a request to send.
    Submitted,
    /// E2: the transmit thread has picked it.
    Picked(Permit),
    /// E3: the response has come.
    Answered(Answer),
    /// E4: the upper layer or a Reject wants it aborted.
    AbortWanted,
    /// E6: its time is over.
    TimedOut,
    /// E7: its connection is in trouble, or a reset flushes it; it ends for this reason.
    Disturbed(Ending),
    /// E8: deliver the completion.
    Delivered,
    /// E9: the transport holds none of its buffers any more.
    Released,
    /// E10: the command that this ABORT TASK chases has ended.
    ChasedEnded,
}

impl CommandEvent {
    /// The number that the transition table uses.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Submitted => "E1",
            Self::Picked(_) => "E2",
            Self::Answered(_) => "E3",
            Self::AbortWanted => "E4",
            Self::TimedOut => "E6",
            Self::Disturbed(_) => "E7",
            Self::Delivered => "E8",
            Self::Released => "E9",
            Self::ChasedEnded => "E10",
        }
    }

    /// The name that logs and tracepoints print.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Picked(_) => "picked",
            Self::Answered(_) => "answered",
            Self::AbortWanted => "abort_wanted",
            Self::TimedOut => "timed_out",
            Self::Disturbed(_) => "disturbed",
            Self::Delivered => "delivered",
            Self::Released => "released",
            Self::ChasedEnded => "chased_ended",
        }
    }
}

named_enum! {
    /// Whether a picked command may be sent now.
    pub enum Permit {
        /// It has a task tag and, if it needs one, a place in the CmdSN window (RFC 7143 section
        /// 4.2.2.1).
        Granted = "granted",
        /// No tag, or the window is closed.
        Closed = "closed",
        /// For an ABORT TASK: the command it should chase has completed.
        Moot = "moot",
    }
}

named_enum! {
    /// What a response says.
    pub enum Answer {
        /// The request has ended the way it was meant to: a SCSI response, a NOP-In, a logout
        /// response, the last text response, or a task-management response "function complete" (RFC
        /// 7143 section 11.6.1).
        Done = "done",
        /// The target answered, but did not do it.
        Refused = "refused",
        /// A text response with more to come: the tag stays reserved for the next request.
        More = "more",
    }
}

named_enum! {
    /// How a command ends for its owner.
    pub enum Ending {
        /// Its response was processed; the status is in the command.
        Normal = "normal",
        /// Aborted before it was sent.
        Aborted = "aborted",
        /// Its time ran out.
        TimedOut = "timed_out",
        /// The connection was lost: to be retried.
        TransportLost = "transport_lost",
        /// A reset of the logical unit or target ended it.
        Reset = "reset",
    }
}

/// What the owner of the command has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandAction {
    /// Start the command's clock: its deadline counts from now.
    StartClock,
    /// Put it at the tail of the pending queue.
    QueueLast,
    /// Put it at the head of the pending queue.
    QueueFirst,
    /// Wake the transmit thread.
    WakeTx,
    /// Mark it stuck and the session's window closed; it stays where it is until the window opens.
    MarkStuck,
    /// Move it from the pending to the active queue.
    Activate,
    /// Build the PDU and send it.
    Transmit,
    /// Take it off the queue it is on.
    Unlink,
    /// Give its task tag back.
    FreeTag,
    /// Issue an ABORT TASK that chases it.
    ChaseWithAbort,
    /// Move it to the releasing queue and tell the transport to let go of its buffers; E9 follows.
    LetGo,
    /// Remember how it will end.
    KeepEnding(Ending),
    /// Put it on the completion queue; it ends this way.
    Complete(Ending),
    /// Put it on the completion queue; it ends as `KeepEnding` said last.
    CompleteAsKept,
    /// Raise `ChasedEnded` at the ABORT TASK that chases it, if there is one.
    EndChaser,
    /// This ABORT TASK no longer chases a command.
    ForgetChased,
    /// Raise `Disturbed(TimedOut)` at the chased command, if it is still being chased, and forget
    /// it.
    EndChased,
    /// Tell the owner of this internal command, if it still waits, that it succeeded.
    NotifySuccess,
    /// Tell the owner of this internal command, if it still waits, that it failed.
    NotifyFailure,
    /// Wake those who wait for an abort to end.
    WakeWaiters,
    /// Call the upper layer. The command must not be touched afterwards.
    Deliver,
}

/// What [`next`] answers.
pub type CommandTransition = Transition<CommandState, CommandAction>;

/// The transition table of the command.
///
/// The receive path looks tags up among `Active` and `Aborting` commands only, so a late response
/// from the target is an unknown tag to it, never a pair that this table calls impossible.
pub fn next(kind: CommandKind, state: CommandState, event: CommandEvent) -> CommandTransition {
    match state {
        CommandState::Free => from_free(kind, event),
        CommandState::Pending => from_pending(kind, event),
        CommandState::Active => from_active(kind, event),
        CommandState::Aborting => from_aborting(kind, event),
        CommandState::Releasing => from_releasing(kind, event),
        CommandState::Completed => from_completed(kind, event),
    }
}

fn from_free(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (Submitted, Scsi) => Transition::go(Pending, [StartClock, QueueLast, WakeTx]),
        (Submitted, NopPing | NopReply | Abort | Reset | Logout | Text) => {
            Transition::go(Pending, [StartClock, QueueFirst, WakeTx])
        }
        (
            Picked(_) | Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Delivered | Released
            | ChasedEnded,
            Scsi | NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Free),
    }
}

fn from_pending(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (Picked(Permit::Granted), Scsi | Text | NopPing | Reset | Logout | Abort) => {
            Transition::go(Active, [StartClock, Activate, Transmit])
        }
        (Picked(Permit::Closed), Scsi | Text | NopPing | Reset | Logout | Abort) => {
            Transition::go(Pending, [MarkStuck])
        }
        (Picked(Permit::Moot), Abort) => Transition::go(Free, [Unlink, ForgetChased, WakeWaiters]),
        (Picked(Permit::Granted), NopReply) => Transition::go(Free, [Unlink, Transmit]),

        (AbortWanted, Scsi) => Transition::go(Completed, [Unlink, Complete(Ending::Aborted)]),

        (TimedOut, Scsi) => Transition::go(Completed, [Unlink, Complete(Ending::TimedOut)]),
        (Disturbed(ending), Scsi) => Transition::go(Completed, [Unlink, Complete(ending)]),
        (TimedOut | Disturbed(_), NopPing | NopReply) => Transition::go(Free, [Unlink]),
        (TimedOut | Disturbed(_), Abort) => {
            Transition::go(Free, [Unlink, ForgetChased, NotifyFailure])
        }
        (TimedOut | Disturbed(_), Reset | Logout | Text) => {
            Transition::go(Free, [Unlink, NotifyFailure])
        }

        (ChasedEnded, Abort) => Transition::go(Free, [Unlink, ForgetChased, WakeWaiters]),

        (Picked(Permit::Moot), Scsi | NopPing | NopReply | Reset | Logout | Text)
        | (Picked(Permit::Closed), NopReply)
        | (AbortWanted, NopPing | NopReply | Abort | Reset | Logout | Text)
        | (ChasedEnded, Scsi | NopPing | NopReply | Reset | Logout | Text)
        | (
            Submitted | Answered(_) | Delivered | Released,
            Scsi | NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Pending),
    }
}

fn from_active(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (Answered(Answer::Done | Answer::Refused), Scsi) => {
            Transition::go(Completed, [Unlink, FreeTag, Complete(Ending::Normal)])
        }
        (Answered(Answer::Done | Answer::Refused), NopPing) => {
            Transition::go(Free, [Unlink, FreeTag, NotifySuccess])
        }
        (Answered(Answer::Done), Reset | Logout | Text) => {
            Transition::go(Free, [Unlink, FreeTag, NotifySuccess])
        }
        (Answered(Answer::Refused), Reset | Logout | Text) => {
            Transition::go(Free, [Unlink, FreeTag, NotifyFailure])
        }
        (Answered(Answer::More), Text) => Transition::go(Free, [Unlink, NotifySuccess]),
        (Answered(Answer::Done), Abort) => Transition::go(
            Free,
            [Unlink, FreeTag, EndChased, NotifySuccess, WakeWaiters],
        ),
        (Answered(Answer::Refused), Abort) => Transition::go(
            Free,
            [Unlink, FreeTag, ForgetChased, NotifyFailure, WakeWaiters],
        ),

        (TimedOut, Scsi) => Transition::go(Aborting, [ChaseWithAbort]),
        (TimedOut, Abort) => Transition::go(Free, [Unlink, FreeTag, EndChased, NotifyFailure]),
        (TimedOut, NopPing) => Transition::go(Free, [Unlink, FreeTag]),
        (TimedOut, Reset | Logout | Text) => Transition::go(Free, [Unlink, FreeTag, NotifyFailure]),

        (AbortWanted, Abort | Reset) => {
            Transition::go(Free, [Unlink, FreeTag, ForgetChased, NotifyFailure])
        }
        // NOTE: Solaris frees the ABORT TASK here. The target still answers it (RFC 7143 section
        // 11.6), so its tag has to stay known until then.
        (ChasedEnded, Abort) => Transition::go(Active, [ForgetChased, WakeWaiters]),

        (Disturbed(ending), Scsi) => Transition::go(Releasing, [KeepEnding(ending), LetGo]),
        (Disturbed(_), Abort) => {
            Transition::go(Free, [Unlink, FreeTag, ForgetChased, NotifyFailure])
        }
        (Disturbed(_), NopPing) => Transition::go(Free, [Unlink, FreeTag]),
        (Disturbed(_), Reset | Text) => Transition::go(Free, [Unlink, FreeTag, NotifyFailure]),
        (Disturbed(_), Logout) => Transition::go(Free, [Unlink, FreeTag, NotifySuccess]),

        (Released, Scsi) => Transition::go(
            Completed,
            [Unlink, FreeTag, Complete(Ending::TransportLost)],
        ),

        // A NOP-Out reply never enters the active queue.
        (
            Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Released | ChasedEnded,
            NopReply,
        )
        | (Answered(Answer::More), Scsi | NopPing | Abort | Reset | Logout)
        | (AbortWanted, Scsi | NopPing | Logout | Text)
        | (ChasedEnded, Scsi | NopPing | Reset | Logout | Text)
        | (Released, NopPing | Abort | Reset | Logout | Text)
        | (
            Submitted | Picked(_) | Delivered,
            Scsi | NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Active),
    }
}

fn from_aborting(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (Answered(Answer::Done | Answer::Refused), Scsi) => Transition::go(
            Completed,
            [
                Unlink,
                FreeTag,
                EndChaser,
                Complete(Ending::Normal),
                WakeWaiters,
            ],
        ),
        (AbortWanted, Scsi) => Transition::ignored(Aborting),
        (Disturbed(ending), Scsi) => {
            Transition::go(Releasing, [KeepEnding(ending), EndChaser, LetGo])
        }
        (Released, Scsi) => Transition::go(
            Completed,
            [
                Unlink,
                FreeTag,
                EndChaser,
                Complete(Ending::TransportLost),
                WakeWaiters,
            ],
        ),
        (
            Submitted | Picked(_) | Answered(Answer::More) | TimedOut | Delivered | ChasedEnded,
            Scsi,
        )
        | (
            Submitted | Picked(_) | Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Delivered
            | Released | ChasedEnded,
            NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Aborting),
    }
}

fn from_releasing(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (AbortWanted, Scsi) => Transition::ignored(Releasing),
        (Disturbed(ending), Scsi) => Transition::go(Releasing, [KeepEnding(ending)]),
        (Released, Scsi) => {
            Transition::go(Completed, [Unlink, FreeTag, CompleteAsKept, WakeWaiters])
        }
        (Submitted | Picked(_) | Answered(_) | TimedOut | Delivered | ChasedEnded, Scsi)
        | (
            Submitted | Picked(_) | Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Delivered
            | Released | ChasedEnded,
            NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Releasing),
    }
}

fn from_completed(kind: CommandKind, event: CommandEvent) -> CommandTransition {
    use CommandAction::*;
    use CommandEvent::*;
    use CommandKind::*;
    use CommandState::*;

    match (event, kind) {
        (Delivered, Scsi) => Transition::go(Free, [Deliver]),
        (
            Submitted | Picked(_) | Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Released
            | ChasedEnded,
            Scsi,
        )
        | (
            Submitted | Picked(_) | Answered(_) | AbortWanted | TimedOut | Disturbed(_) | Delivered
            | Released | ChasedEnded,
            NopPing | NopReply | Abort | Reset | Logout | Text,
        ) => Transition::unexpected(Completed),
    }
}

#[cfg(test)]
mod tests;
