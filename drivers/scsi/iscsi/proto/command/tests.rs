// SPDX-License-Identifier: GPL-2.0

//! The command machine against its table as written down.

use super::super::machine::Verdict;
use super::*;

/// One row per transition: state, event, kinds, next state, actions. A pair that is not here is
/// impossible.
const TABLE: &str = "
    free      | E1 submitted      | scsi                                   | pending   | StartClock QueueLast WakeTx
    free      | E1 submitted      | nop_ping nop_reply abort reset logout text | pending | StartClock QueueFirst WakeTx
    pending   | E2 picked granted | scsi text nop_ping reset logout abort  | active    | StartClock Activate Transmit
    pending   | E2 picked closed  | scsi text nop_ping reset logout abort  | pending   | MarkStuck
    pending   | E2 picked granted | nop_reply                              | free      | Unlink Transmit
    pending   | E2 picked moot    | abort                                  | free      | Unlink ForgetChased WakeWaiters
    pending   | E4 abort_wanted   | scsi                                   | completed | Unlink Complete(Aborted)
    pending   | E6 timed_out      | scsi                                   | completed | Unlink Complete(TimedOut)
    pending   | E6 timed_out      | nop_ping nop_reply                     | free      | Unlink
    pending   | E6 timed_out      | abort                                  | free      | Unlink ForgetChased NotifyFailure
    pending   | E6 timed_out      | reset logout text                      | free      | Unlink NotifyFailure
    pending   | E7 disturbed reset | scsi                                  | completed | Unlink Complete(Reset)
    pending   | E7 disturbed reset | nop_ping nop_reply                    | free      | Unlink
    pending   | E7 disturbed reset | abort                                 | free      | Unlink ForgetChased NotifyFailure
    pending   | E7 disturbed reset | reset logout text                     | free      | Unlink NotifyFailure
    pending   | E10 chased_ended  | abort                                  | free      | Unlink ForgetChased WakeWaiters
    active    | E3 answered done  | scsi                                   | completed | Unlink FreeTag Complete(Normal)
    active    | E3 answered refused | scsi                                 | completed | Unlink FreeTag Complete(Normal)
    active    | E3 answered done  | nop_ping reset logout text             | free      | Unlink FreeTag NotifySuccess
    active    | E3 answered refused | nop_ping                             | free      | Unlink FreeTag NotifySuccess
    active    | E3 answered refused | reset logout text                    | free      | Unlink FreeTag NotifyFailure
    active    | E3 answered more  | text                                   | free      | Unlink NotifySuccess
    active    | E3 answered done  | abort                                  | free      | Unlink FreeTag EndChased NotifySuccess WakeWaiters
    active    | E3 answered refused | abort                                | free      | Unlink FreeTag ForgetChased NotifyFailure WakeWaiters
    active    | E4 abort_wanted   | abort reset                            | free      | Unlink FreeTag ForgetChased NotifyFailure
    active    | E6 timed_out      | scsi                                   | aborting  | ChaseWithAbort
    active    | E6 timed_out      | abort                                  | free      | Unlink FreeTag EndChased NotifyFailure
    active    | E6 timed_out      | nop_ping                               | free      | Unlink FreeTag
    active    | E6 timed_out      | reset logout text                      | free      | Unlink FreeTag NotifyFailure
    active    | E7 disturbed reset | scsi                                  | releasing | KeepEnding(Reset) LetGo
    active    | E7 disturbed reset | abort                                 | free      | Unlink FreeTag ForgetChased NotifyFailure
    active    | E7 disturbed reset | nop_ping                              | free      | Unlink FreeTag
    active    | E7 disturbed reset | reset text                            | free      | Unlink FreeTag NotifyFailure
    active    | E7 disturbed reset | logout                                | free      | Unlink FreeTag NotifySuccess
    active    | E9 released       | scsi                                   | completed | Unlink FreeTag Complete(TransportLost)
    active    | E10 chased_ended  | abort                                  | active    | ForgetChased WakeWaiters
    aborting  | E3 answered done  | scsi                                   | completed | Unlink FreeTag EndChaser Complete(Normal) WakeWaiters
    aborting  | E3 answered refused | scsi                                 | completed | Unlink FreeTag EndChaser Complete(Normal) WakeWaiters
    aborting  | E4 abort_wanted   | scsi                                   | -         |
    aborting  | E7 disturbed reset | scsi                                  | releasing | KeepEnding(Reset) EndChaser LetGo
    aborting  | E9 released       | scsi                                   | completed | Unlink FreeTag EndChaser Complete(TransportLost) WakeWaiters
    releasing | E4 abort_wanted   | scsi                                   | -         |
    releasing | E7 disturbed reset | scsi                                  | releasing | KeepEnding(Reset)
    releasing | E9 released       | scsi                                   | completed | Unlink FreeTag CompleteAsKept WakeWaiters
    completed | E8 delivered      | scsi                                   | free      | Deliver
";

fn events() -> Vec<(String, CommandEvent)> {
    let mut events = vec![
        CommandEvent::Submitted,
        CommandEvent::AbortWanted,
        CommandEvent::TimedOut,
        CommandEvent::Disturbed(Ending::Reset),
        CommandEvent::Delivered,
        CommandEvent::Released,
        CommandEvent::ChasedEnded,
    ];
    events.extend(Permit::ALL.iter().map(|&p| CommandEvent::Picked(p)));
    events.extend(Answer::ALL.iter().map(|&a| CommandEvent::Answered(a)));
    let name = |e: &CommandEvent| {
        let detail = match e {
            CommandEvent::Picked(p) => p.as_str(),
            CommandEvent::Answered(a) => a.as_str(),
            CommandEvent::Disturbed(d) => d.as_str(),
            _ => "",
        };
        format!("{} {} {detail}", e.number(), e.as_str())
            .trim()
            .to_owned()
    };
    events.into_iter().map(|e| (name(&e), e)).collect()
}

fn written(kind: CommandKind, state: CommandState, event: &str) -> Option<(String, String)> {
    let mut found = TABLE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [from, on, kinds, to, actions] = cells[..] else {
            return None;
        };
        let hit = from == state.as_str()
            && on == event
            && kinds.split_whitespace().any(|k| k == kind.as_str());
        hit.then(|| (to.to_owned(), actions.to_owned()))
    });
    let first = found.next();
    assert!(
        found.next().is_none(),
        "two rows for {kind:?} {state:?} {event}"
    );
    first
}

#[test]
fn every_pair_is_the_written_table() {
    let mut rows = 0;
    for &kind in CommandKind::ALL {
        for &state in CommandState::ALL {
            for (name, event) in events() {
                let t = next(kind, state, event);
                let actions: Vec<String> = t.actions.iter().map(|a| format!("{a:?}")).collect();
                let actions = actions.join(" ");
                match written(kind, state, &name) {
                    None => assert_eq!(
                        (t.verdict, t.state, actions.as_str()),
                        (Verdict::Unexpected, state, ""),
                        "{kind:?} {state:?} {name}"
                    ),
                    Some((to, _)) if to == "-" => {
                        rows += 1;
                        assert_eq!(
                            (t.verdict, t.state, actions.as_str()),
                            (Verdict::Ignored, state, "")
                        );
                    }
                    Some((to, expected)) => {
                        rows += 1;
                        assert_eq!(
                            (t.verdict, t.state.as_str(), actions),
                            (Verdict::Taken, to.as_str(), expected),
                            "{kind:?} {state:?} {name}"
                        );
                    }
                }
            }
        }
    }
    let listed: usize = TABLE
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| l.split('|').nth(2).unwrap().split_whitespace().count())
        .sum();
    assert_eq!(rows, listed, "a row of the table was never reached");
}

#[test]
fn a_disturbed_command_ends_for_the_reason_it_was_given() {
    for &ending in Ending::ALL {
        let event = CommandEvent::Disturbed(ending);
        let pending = next(CommandKind::Scsi, CommandState::Pending, event);
        assert!(pending
            .actions
            .iter()
            .any(|a| a == CommandAction::Complete(ending)));
        for state in [
            CommandState::Active,
            CommandState::Aborting,
            CommandState::Releasing,
        ] {
            let t = next(CommandKind::Scsi, state, event);
            assert_eq!(t.state, CommandState::Releasing);
            assert!(t
                .actions
                .iter()
                .any(|a| a == CommandAction::KeepEnding(ending)));
        }
    }
}

#[test]
fn a_sent_scsi_command_completes_only_by_a_response_or_when_the_transport_let_go() {
    for state in [
        CommandState::Active,
        CommandState::Aborting,
        CommandState::Releasing,
    ] {
        for (name, event) in events() {
            let t = next(CommandKind::Scsi, state, event);
            if t.state == CommandState::Completed {
                assert!(name.starts_with("E3 ") || name.starts_with("E9 "), "{name}");
            }
        }
    }
}

#[test]
fn only_scsi_commands_reach_the_completion_queue() {
    for &kind in CommandKind::ALL {
        for &state in CommandState::ALL {
            for (_, event) in events() {
                let t = next(kind, state, event);
                if t.verdict == Verdict::Taken && t.state == CommandState::Completed {
                    assert_eq!(kind, CommandKind::Scsi);
                }
            }
        }
    }
}
