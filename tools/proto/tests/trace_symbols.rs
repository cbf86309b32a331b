// SPDX-License-Identifier: GPL-2.0

//! The names in the trace header are those of the state machines.

use iscsi_proto::proto::{
    command::{
        Answer,
        CommandEvent,
        CommandKind,
        CommandState,
        Ending,
        Permit, //
    },
    connection::{
        ConnectionEvent,
        ConnectionState, //
    },
    session::{
        SessionEvent,
        SessionState, //
    },
};

const HEADER: &str = include_str!("../../../include/trace/events/iscsi_initiator.h");

/// The pairs of number and name in the `__print_symbolic` table of the macro `name`.
fn table(name: &str) -> Vec<(u32, String)> {
    let start = HEADER
        .find(&format!("#define {name}("))
        .unwrap_or_else(|| panic!("no macro {name}"));
    let body = &HEADER[start..];
    let body = &body[..body.find("\n\n").expect("a blank line ends the macro")];
    body.split('{')
        .skip(1)
        .map(|entry| {
            let (number, rest) = entry.split_once(',').expect("number, name");
            let name = rest.split('"').nth(1).expect("a name in quotes");
            (number.trim().parse().expect("decimal"), name.to_owned())
        })
        .collect()
}

macro_rules! same_as_enum {
    ( $( $test:ident: $macro:literal = $enum:ty; )+ ) => { $(
        #[test]
        fn $test() {
            let ours: Vec<_> = <$enum>::ALL
                .iter()
                .map(|&value| (value as u32, value.as_str().to_owned()))
                .collect();
            assert_eq!(table($macro), ours);
        }
    )+ };
}

same_as_enum! {
    command_kinds: "iscsi_show_cmd_kind" = CommandKind;
    command_states: "iscsi_show_cmd_state" = CommandState;
    connection_states: "iscsi_show_conn_state" = ConnectionState;
    connection_events: "iscsi_show_conn_event" = ConnectionEvent;
    session_states: "iscsi_show_sess_state" = SessionState;
    session_events: "iscsi_show_sess_event" = SessionEvent;
}

#[test]
fn command_events() {
    let ours: Vec<_> = [
        CommandEvent::Submitted,
        CommandEvent::Picked(Permit::Granted),
        CommandEvent::Answered(Answer::Done),
        CommandEvent::AbortWanted,
        CommandEvent::TimedOut,
        CommandEvent::Disturbed(Ending::TransportLost),
        CommandEvent::Delivered,
        CommandEvent::Released,
        CommandEvent::ChasedEnded,
    ]
    .into_iter()
    .map(|event| {
        let number = event.number().strip_prefix('E').expect("E1 to E10");
        (number.parse().expect("decimal"), event.as_str().to_owned())
    })
    .collect();
    assert_eq!(table("iscsi_show_cmd_event"), ours);
}
