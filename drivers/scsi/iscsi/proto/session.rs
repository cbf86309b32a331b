// SPDX-License-Identifier: GPL-2.0

//! The session machine: from the first login to giving up, as seen by the SCSI side.
//!
//! The states of RFC 7143 section 8.3 with one addition: changed login parameters are taken over by
//! draining the session ([`SessionState::InFlush`]), dropping the connection and logging in again,
//! with the logical units online all the time.

use super::machine::{
    named_enum,
    Transition, //
};

named_enum! {
    /// Where a session stands.
    pub enum SessionState {
        /// Q1: no connection, no logical unit online.
        Free = "free",
        /// Q3: full-feature phase; commands flow.
        LoggedIn = "logged_in",
        /// Q4: the connection is lost; logical units stay online while login is tried again.
        Failed = "failed",
        /// Q5: full-feature phase, but new commands wait: the session drains to take over new
        /// parameters.
        InFlush = "in_flush",
        /// Q6: drained and disconnected; logging in again with the new parameters.
        Flushed = "flushed",
    }
}

impl SessionState {
    /// Whether the session is in the full-feature phase.
    pub const fn is_full_feature(self) -> bool {
        match self {
            Self::LoggedIn | Self::InFlush => true,
            Self::Free | Self::Failed | Self::Flushed => false,
        }
    }
}

named_enum! {
    /// What can happen to a session.
    pub enum SessionEvent {
        /// N1: its connection logged in; on an online session: look at the logical units again.
        ConnectionUp = "connection_up" / "N1",
        /// N3: its connection logged out or was closed on purpose.
        ConnectionClosed = "connection_closed" / "N3",
        /// N5: its connection failed.
        ConnectionFailed = "connection_failed" / "N5",
        /// N6: the time for recovery is over, or the session is replaced: give up.
        GiveUp = "give_up" / "N6",
        /// N7: the configured login parameters changed.
        ParametersChanged = "parameters_changed" / "N7",
    }
}

named_enum! {
    /// Whether a session carries commands or only asks for targets.
    pub enum SessionKind {
        /// SessionType=Normal.
        Normal = "normal",
        /// SessionType=Discovery: it never has logical units.
        Discovery = "discovery",
    }
}

named_enum! {
    /// What the owner of the session has to do.
    pub enum SessionAction {
        /// Tell the operator that the session is online.
        AnnounceOnline = "announce_online",
        /// Tell the operator that the session is offline.
        AnnounceOffline = "announce_offline",
        /// Scan the target's logical units.
        Enumerate = "enumerate",
        /// Fail every command of the pending queue for retry.
        FlushPending = "flush_pending",
        /// Take the logical units offline: commands to them fail from here on.
        OfflineLuns = "offline_luns",
        /// Forget what belongs to the full-feature phase that just ended: negotiated TPGT, a
        /// running reset, busy marks.
        ForgetPhase = "forget_phase",
    }
}

/// What [`next`] answers.
pub type SessionTransition = Transition<SessionState, SessionAction>;

/// The transition table of the session.
///
/// While `InFlush`, the owner drops the connection as soon as nothing is outstanding; that arrives
/// here as [`SessionEvent::ConnectionFailed`].
pub fn next(kind: SessionKind, state: SessionState, event: SessionEvent) -> SessionTransition {
    use SessionAction::*;
    use SessionEvent::*;
    use SessionKind::*;
    use SessionState::*;

    match (state, event, kind) {
        (Free, ConnectionUp, Normal) => Transition::go(LoggedIn, [AnnounceOnline, Enumerate]),
        (Free, ConnectionUp, Discovery) => Transition::go(LoggedIn, []),
        (Free, ConnectionClosed, Normal | Discovery) => Transition::unexpected(state),
        (Free, ConnectionFailed | GiveUp | ParametersChanged, Normal | Discovery) => {
            Transition::ignored(state)
        }

        (LoggedIn, ConnectionUp, Normal) => Transition::go(LoggedIn, [Enumerate]),
        (LoggedIn, ConnectionUp, Discovery) => Transition::ignored(state),
        (LoggedIn | InFlush, ConnectionClosed, Normal) => Transition::go(
            Free,
            [ForgetPhase, FlushPending, OfflineLuns, AnnounceOffline],
        ),
        (LoggedIn | InFlush, ConnectionClosed, Discovery) => {
            Transition::go(Free, [ForgetPhase, FlushPending])
        }
        (LoggedIn, ConnectionFailed, Normal | Discovery) => {
            Transition::go(Failed, [ForgetPhase, FlushPending])
        }
        (LoggedIn, GiveUp, Normal | Discovery) => Transition::ignored(state),
        (LoggedIn, ParametersChanged, Normal | Discovery) => Transition::go(InFlush, []),

        (Failed | Flushed, ConnectionUp, Normal) => {
            Transition::go(LoggedIn, [AnnounceOnline, Enumerate])
        }
        (Failed | Flushed, ConnectionUp, Discovery) => Transition::go(LoggedIn, []),
        (Failed | Flushed, ConnectionClosed, Normal | Discovery) => Transition::unexpected(state),
        (Failed | Flushed, GiveUp, Normal) => Transition::go(Free, [OfflineLuns, AnnounceOffline]),
        (Failed | Flushed, GiveUp, Discovery) => Transition::go(Free, []),
        (Failed | Flushed, ConnectionFailed | ParametersChanged, Normal | Discovery) => {
            Transition::ignored(state)
        }

        (InFlush, ConnectionFailed, Normal | Discovery) => {
            Transition::go(Flushed, [ForgetPhase, FlushPending])
        }
        (InFlush, ConnectionUp | GiveUp | ParametersChanged, Normal | Discovery) => {
            Transition::ignored(state)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Verdict;
    use super::*;

    /// The table as written down, one line per state; `-` is ignored, `!` impossible, `=` stays
    /// with actions.
    const TABLE: &str = "
        free      | logged_in | !    | -       | -    | -
        logged_in | =         | free | failed  | -    | in_flush
        failed    | logged_in | !    | -       | free | -
        in_flush  | -         | free | flushed | -    | -
        flushed   | logged_in | !    | -       | free | -
    ";

    fn cell(t: &SessionTransition, from: SessionState) -> &'static str {
        match t.verdict {
            Verdict::Unexpected => "!",
            Verdict::Ignored => "-",
            Verdict::Taken if t.state == from => "=",
            Verdict::Taken => t.state.as_str(),
        }
    }

    #[test]
    fn every_pair_is_the_written_table() {
        let rows = TABLE.lines().map(str::trim).filter(|l| !l.is_empty());
        let mut seen = 0;
        for (row, &state) in rows.zip(SessionState::ALL) {
            let mut cells = row.split('|').map(str::trim);
            assert_eq!(cells.next(), Some(state.as_str()));
            for &event in SessionEvent::ALL {
                let t = next(SessionKind::Normal, state, event);
                assert_eq!(cells.next(), Some(cell(&t, state)), "{state:?} {event:?}");
                seen += 1;
            }
            assert_eq!(cells.next(), None);
        }
        assert_eq!(seen, SessionState::ALL.len() * SessionEvent::ALL.len());
    }

    #[test]
    fn a_discovery_session_changes_state_alike_and_never_touches_logical_units() {
        use SessionAction::*;
        for &state in SessionState::ALL {
            for &event in SessionEvent::ALL {
                let normal = next(SessionKind::Normal, state, event);
                let discovery = next(SessionKind::Discovery, state, event);
                assert_eq!(normal.state, discovery.state);
                assert!(discovery
                    .actions
                    .iter()
                    .all(|a| matches!(a, ForgetPhase | FlushPending)));
            }
        }
    }

    #[test]
    fn leaving_the_full_feature_phase_flushes_and_forgets() {
        use SessionAction::*;
        for &state in SessionState::ALL {
            for &event in SessionEvent::ALL {
                let t = next(SessionKind::Normal, state, event);
                let leaves = state.is_full_feature() && !t.state.is_full_feature();
                assert_eq!(t.actions.iter().any(|a| a == FlushPending), leaves);
                assert_eq!(t.actions.iter().any(|a| a == ForgetPhase), leaves);
            }
        }
    }

    #[test]
    fn logical_units_go_offline_only_on_the_way_to_free() {
        use SessionAction::*;
        for &state in SessionState::ALL {
            for &event in SessionEvent::ALL {
                let t = next(SessionKind::Normal, state, event);
                let ends = t.verdict == Verdict::Taken && t.state == SessionState::Free;
                assert_eq!(t.actions.iter().any(|a| a == OfflineLuns), ends);
            }
        }
    }

    #[test]
    fn events_carry_the_numbers_of_the_table() {
        let numbers: [&str; 5] = ["N1", "N3", "N5", "N6", "N7"];
        for (event, number) in SessionEvent::ALL.iter().zip(numbers) {
            assert_eq!(event.number(), number);
        }
    }
}
