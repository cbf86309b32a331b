// SPDX-License-Identifier: GPL-2.0

//! The connection machine: the initiator's side of RFC 7143 section 8.1.3, with the states of a
//! retrying login added.
//!
//! Two states wait for a connection to come back: [`ConnectionState::Failed`] while the session is
//! being recovered, and [`ConnectionState::Polling`] when the time for recovery is over and the
//! target is only looked after now and then.

use super::machine::{
    named_enum,
    Transition, //
};
use super::session::{
    SessionEvent,
    SessionKind, //
};

named_enum! {
    /// Where a connection stands.
    pub enum ConnectionState {
        /// S1: no socket, nobody tries.
        Free = "free",
        /// S2: the first login is under way.
        InLogin = "in_login",
        /// S3: full-feature phase.
        LoggedIn = "logged_in",
        /// S4: a Logout request is under way.
        InLogout = "in_logout",
        /// S5: lost; login is tried again inside the recovery window.
        Failed = "failed",
        /// S6: the recovery window is over; login is tried at the polling interval.
        Polling = "polling",
    }
}

named_enum! {
    /// What can happen to a connection.
    ///
    /// To give up a connection that is not logged in (it was removed from the configuration), raise
    /// `LoginRefused` after the login attempt has been stopped.
    pub enum ConnectionEvent {
        /// T1: connect and log in.
        Connect = "connect" / "T1",
        /// T5: the final Login response came, with success.
        LoginDone = "login_done" / "T5",
        /// T7: login timed out, or the transport was lost during it, and the attempt's window is
        /// over.
        LoginLost = "login_lost" / "T7",
        /// T8: the session was closed through another connection.
        SessionClosed = "session_closed" / "T8",
        /// T9: we want to log out.
        LogoutWanted = "logout_wanted" / "T9",
        /// T11: the target asked for logout (asynchronous message 1).
        LogoutAsked = "logout_asked" / "T11",
        /// T14: the target broke the protocol or a header digest is wrong; also: the session has
        /// drained.
        ProtocolError = "protocol_error" / "T14",
        /// T15: transport error, closed by the peer, dropped by the target, or a NOP-Out was not
        /// answered.
        TransportLost = "transport_lost" / "T15",
        /// T17: the logout has ended, answered, failed or timed out.
        LogoutDone = "logout_done" / "T17",
        /// T30: login refused, or it failed in a way that a retry will not mend.
        LoginRefused = "login_refused" / "T30",
    }
}

/// What the owner of the connection has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionAction {
    /// Take the configured address (a redirection is forgotten) and run the login.
    Login,
    /// Start receiving and sending commands.
    StartThreads,
    /// Stop sending, so that nothing more enters the active queue.
    StopTx,
    /// Close the socket, if one is open. Receiving ends with it.
    Disconnect,
    /// Raise `CommandEvent::Disturbed` on every command of the active queue.
    FlushActive,
    /// Send a Logout request.
    SendLogout,
    /// Try to log in again, inside the recovery window.
    RetryLogin,
    /// Try to log in again at the polling interval.
    PollLogin,
    /// Raise this event at the session.
    Session(SessionEvent),
}

/// What [`next`] answers.
pub type ConnectionTransition = Transition<ConnectionState, ConnectionAction>;

/// The transition table of the connection.
///
/// Threads report a loss when they see it, which may be after another one did: `ProtocolError`,
/// `TransportLost` and logout events are ignored in every state that has no connection any more.
pub fn next(
    kind: SessionKind,
    state: ConnectionState,
    event: ConnectionEvent,
) -> ConnectionTransition {
    use ConnectionAction::*;
    use ConnectionEvent::*;
    use ConnectionState::*;
    use SessionEvent::*;
    use SessionKind::*;

    match (state, event, kind) {
        (Free, Connect, Normal | Discovery) => Transition::go(InLogin, [Login]),

        (InLogin, LoginDone, Normal | Discovery) => {
            Transition::go(LoggedIn, [StartThreads, Session(ConnectionUp)])
        }
        (InLogin, LoginLost | LoginRefused, Normal | Discovery) => {
            Transition::go(Free, [Disconnect])
        }

        (LoggedIn, SessionClosed, Normal | Discovery) => Transition::go(
            Free,
            [StopTx, Disconnect, FlushActive, Session(ConnectionClosed)],
        ),
        (LoggedIn, LogoutWanted | LogoutAsked, Normal | Discovery) => {
            Transition::go(InLogout, [SendLogout])
        }
        (LoggedIn, ProtocolError | TransportLost, Normal) => Transition::go(
            Failed,
            [
                StopTx,
                Disconnect,
                FlushActive,
                Session(ConnectionFailed),
                RetryLogin,
            ],
        ),
        (LoggedIn, ProtocolError | TransportLost, Discovery) => Transition::go(
            Free,
            [
                StopTx,
                Disconnect,
                FlushActive,
                Session(ConnectionFailed),
                Session(GiveUp),
            ],
        ),

        (InLogout, LogoutAsked, Normal | Discovery) => Transition::ignored(state),
        (InLogout, ProtocolError | TransportLost | LogoutDone, Normal | Discovery) => {
            Transition::go(
                Free,
                [StopTx, Disconnect, FlushActive, Session(ConnectionClosed)],
            )
        }

        (Failed | Polling, LoginDone, Normal | Discovery) => {
            Transition::go(LoggedIn, [StartThreads, Session(ConnectionUp)])
        }
        (Failed, LoginLost, Normal | Discovery) => {
            Transition::go(Polling, [Disconnect, Session(GiveUp), PollLogin])
        }
        (Failed | Polling, LoginRefused, Normal | Discovery) => {
            Transition::go(Free, [Disconnect, Session(GiveUp)])
        }
        (Polling, LoginLost, Normal) => Transition::go(Polling, [Disconnect, PollLogin]),
        (Polling, LoginLost, Discovery) => Transition::go(Free, [Disconnect]),

        // Reports that come after somebody else's, and requests that are under way or have nothing
        // to act on.
        (
            Free,
            SessionClosed | LogoutWanted | LogoutAsked | ProtocolError | TransportLost | LogoutDone
            | LoginLost | LoginRefused,
            Normal | Discovery,
        ) => Transition::ignored(state),
        (InLogin, ProtocolError | TransportLost, Normal | Discovery) => Transition::ignored(state),
        (InLogout, SessionClosed | LogoutWanted, Normal | Discovery) => Transition::ignored(state),
        (
            Failed | Polling,
            SessionClosed | LogoutAsked | ProtocolError | TransportLost | LogoutDone,
            Normal | Discovery,
        ) => Transition::ignored(state),

        // Pairs that only a mistake of ours can bring together.
        (Free, LoginDone, Normal | Discovery)
        | (
            InLogin,
            Connect | SessionClosed | LogoutWanted | LogoutAsked | LogoutDone,
            Normal | Discovery,
        )
        | (
            LoggedIn,
            Connect | LoginDone | LoginLost | LogoutDone | LoginRefused,
            Normal | Discovery,
        )
        | (InLogout, Connect | LoginDone | LoginLost | LoginRefused, Normal | Discovery)
        | (Failed | Polling, Connect | LogoutWanted, Normal | Discovery) => {
            Transition::unexpected(state)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Verdict;
    use super::*;

    /// The table as written down; `-` is ignored, `!` impossible, `=` stays with actions.
    const TABLE: &str = "
                  | T1       | T5        | T7      | T8   | T9        | T11       | T14    | T15    | T17  | T30
        free      | in_login | !         | -       | -    | -         | -         | -      | -      | -    | -
        in_login  | !        | logged_in | free    | !    | !         | !         | -      | -      | !    | free
        logged_in | !        | !         | !       | free | in_logout | in_logout | failed | failed | !    | !
        in_logout | !        | !         | !       | -    | -         | -         | free   | free   | free | !
        failed    | !        | logged_in | polling | -    | !         | -         | -      | -      | -    | free
        polling   | !        | logged_in | =       | -    | !         | -         | -      | -      | -    | free
    ";

    fn cell(t: &ConnectionTransition, from: ConnectionState) -> &'static str {
        match t.verdict {
            Verdict::Unexpected => "!",
            Verdict::Ignored => "-",
            Verdict::Taken if t.state == from => "=",
            Verdict::Taken => t.state.as_str(),
        }
    }

    #[test]
    fn every_pair_is_the_written_table() {
        let mut rows = TABLE.lines().map(str::trim).filter(|l| !l.is_empty());
        let head: Vec<&str> = rows
            .next()
            .unwrap()
            .split('|')
            .map(str::trim)
            .filter(|c| !c.is_empty())
            .collect();
        let numbers: Vec<&str> = ConnectionEvent::ALL.iter().map(|e| e.number()).collect();
        assert_eq!(head, numbers);
        let mut seen = 0;
        for (row, &state) in rows.zip(ConnectionState::ALL) {
            let mut cells = row.split('|').map(str::trim);
            assert_eq!(cells.next(), Some(state.as_str()));
            for &event in ConnectionEvent::ALL {
                let t = next(SessionKind::Normal, state, event);
                assert_eq!(cells.next(), Some(cell(&t, state)), "{state:?} {event:?}");
                seen += 1;
            }
        }
        assert_eq!(
            seen,
            ConnectionState::ALL.len() * ConnectionEvent::ALL.len()
        );
    }

    #[test]
    fn a_discovery_connection_never_waits_for_recovery() {
        use ConnectionEvent::*;
        use ConnectionState::*;
        for &state in ConnectionState::ALL {
            for &event in ConnectionEvent::ALL {
                let normal = next(SessionKind::Normal, state, event);
                let discovery = next(SessionKind::Discovery, state, event);
                match (state, event) {
                    (LoggedIn, ProtocolError | TransportLost) | (Polling, LoginLost) => {
                        assert_eq!(discovery.state, Free)
                    }
                    _ => assert_eq!(normal, discovery, "{state:?} {event:?}"),
                }
            }
        }
    }

    #[test]
    fn the_session_is_told_of_every_end_of_the_full_feature_phase_after_the_flush() {
        use ConnectionAction::*;
        use ConnectionState::*;
        for &kind in SessionKind::ALL {
            for &state in &[LoggedIn, InLogout] {
                for &event in ConnectionEvent::ALL {
                    let t = next(kind, state, event);
                    if !matches!(t.state, Free | Failed) {
                        continue;
                    }
                    let actions: Vec<_> = t.actions.iter().collect();
                    assert_eq!(actions[..3], [StopTx, Disconnect, FlushActive]);
                    assert!(matches!(actions[3], Session(_)));
                }
            }
        }
    }

    #[test]
    fn a_login_raises_the_session_only_after_the_threads_run() {
        use ConnectionAction::*;
        use ConnectionState::*;
        for &state in &[InLogin, Failed, Polling] {
            let t = next(SessionKind::Normal, state, ConnectionEvent::LoginDone);
            assert!(t
                .actions
                .iter()
                .eq([StartThreads, Session(SessionEvent::ConnectionUp)]));
        }
    }

    #[test]
    fn the_session_gives_up_once_when_recovery_ends() {
        use ConnectionState::*;
        let gives_up = |state, event| {
            next(SessionKind::Normal, state, event)
                .actions
                .iter()
                .any(|a| a == ConnectionAction::Session(SessionEvent::GiveUp))
        };
        assert!(gives_up(Failed, ConnectionEvent::LoginLost));
        assert!(gives_up(Failed, ConnectionEvent::LoginRefused));
        assert!(!gives_up(Polling, ConnectionEvent::LoginLost));
    }
}
