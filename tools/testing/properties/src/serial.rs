// SPDX-License-Identifier: GPL-2.0

//! Serial numbers and the command window, RFC 7143 section 4.2.2 and RFC 1982.

use iscsi_proto::proto::sn::{
    CmdSn,
    CmdWindow,
    StatSn,
    StatSnOrder,
    StatSnTracker,
    WindowUpdate, //
};

use crate::input::Input;

/// Any sequence of updates and commands.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let first = input.u32();
    order(first, input.u32());

    let mut window = CmdWindow::new(CmdSn::new(first));
    let mut statuses = StatSnTracker::new(StatSn::new(first));
    while !input.is_empty() {
        match input.u8() % 4 {
            0 => {
                let before = window;
                let taken = window.take();
                assert_eq!(taken.is_some(), before.open() != 0);
                assert_eq!(taken.unwrap_or(before.current()), before.current());
            }
            1 => {
                // Near the window, where the rules matter.
                let exp = window.current().get().wrapping_add(input.u8().into());
                let exp = exp.wrapping_sub(128);
                let max = exp.wrapping_add(input.u8().into()).wrapping_sub(16);
                update(&mut window, exp, max);
            }
            2 => update(&mut window, input.u32(), input.u32()),
            _ => status(&mut statuses, input.u32()),
        }
        // What was never sent is not acknowledged.
        let (next, exp) = (window.current(), window.expected());
        assert!(!next.precedes(exp));
        assert!(window.open() < 1 << 31);
        assert!(exp.distance_to(next).is_some());
    }
}

/// The two rules of section 4.2.2.1, in numbers that do not wrap.
fn update(window: &mut CmdWindow, exp: u32, max: u32) {
    let before = *window;
    let said = window.handle_update(CmdSn::new(exp), CmdSn::new(max));
    // "If MaxCmdSN is less than ExpCmdSN - 1, both are ignored."
    if steps(max, exp.wrapping_sub(1)) > 0 {
        assert_eq!((*window, said), (before, WindowUpdate::Unchanged));
        return;
    }
    let opens = steps(before.max().get(), max) > 0;
    assert_eq!(
        window.max().get(),
        if opens { max } else { before.max().get() }
    );
    let acknowledges =
        steps(before.expected().get(), exp) > 0 && steps(before.current().get(), exp) <= 0;
    let expected = if acknowledges {
        exp
    } else {
        before.expected().get()
    };
    assert_eq!(window.expected().get(), expected);
    assert_eq!(window.current(), before.current());
    let meant = match (opens, acknowledges) {
        (true, _) => WindowUpdate::Opened,
        (false, true) => WindowUpdate::Acknowledged,
        (false, false) => WindowUpdate::Unchanged,
    };
    assert_eq!(said, meant);
}

fn status(statuses: &mut StatSnTracker, sn: u32) {
    let before = statuses.expected();
    let order = statuses.accept(StatSn::new(sn));
    let after = match order {
        StatSnOrder::InOrder => {
            assert_eq!(sn, before.get());
            before.next()
        }
        StatSnOrder::Repeated => {
            assert!(steps(before.get(), sn) < 0);
            before
        }
        StatSnOrder::Gap { missing } => {
            assert_eq!(before.add(missing).get(), sn);
            before
        }
    };
    assert_eq!(statuses.expected(), after);
}

/// The order of two numbers is that of RFC 1982 section 3.2.
pub fn order(a: u32, b: u32) {
    let (one, other) = (CmdSn::new(a), CmdSn::new(b));
    let ahead = steps(a, b);
    let has_order = ahead != i64::from(i32::MIN);
    assert_eq!(one.precedes(other), ahead > 0);
    assert_eq!(other.precedes(one), ahead < 0 && has_order);
    assert_eq!(
        one.distance_to(other).map(i64::from),
        (ahead >= 0).then_some(ahead)
    );
    assert_eq!(one == other, ahead == 0);
    if let Some(steps) = one.distance_to(other) {
        assert_eq!(one.add(steps), other);
    }
    assert_eq!(one.next().prev(), one);
    assert!(one.precedes(one.next()) && one.prev().precedes(one));
}

/// How many steps lead from `from` to `to` on the shorter way: -2^31 ..= 2^31 - 1.
fn steps(from: u32, to: u32) -> i64 {
    let ahead = (i64::from(to) - i64::from(from)).rem_euclid(1 << 32);
    if ahead < 1 << 31 {
        ahead
    } else {
        ahead - (1 << 32)
    }
}

/// What a window that keeps to the rules does, told in numbers that do not wrap.
///
/// The target acknowledges what was sent and grants room; its updates arrive in any order. Each
/// element of `turns` is how many commands to send, how many of the sent ones to acknowledge, how
/// much room to grant, and whether the update is delayed until after the next one.
pub fn session(first: u32, turns: &[(u8, u8, u8, bool)]) {
    let sn = |count: u64| CmdSn::new(first).add(u32::try_from(count % (1 << 32)).unwrap_or(0));
    let mut window = CmdWindow::new(sn(0));
    // Commands sent, acknowledged and granted by the target, and the best the initiator was told.
    let (mut sent, mut acknowledged, mut granted) = (0u64, 0u64, 0u64);
    let (mut told_exp, mut told_end) = (0, 0);
    let mut late = None;
    for &(send, acknowledge, grant, delay) in turns {
        for _ in 0..send {
            assert_eq!(
                window.open() == 0,
                sent == told_end,
                "the window ends where it was told"
            );
            match window.take() {
                Some(taken) => {
                    assert_eq!(taken, sn(sent));
                    sent += 1;
                }
                None => assert_eq!(sent, told_end),
            }
        }
        acknowledged = (acknowledged + u64::from(acknowledge)).min(sent);
        granted = granted.max(acknowledged + u64::from(grant));
        let update = (acknowledged, granted);
        let arrived = match (late.take(), delay) {
            (None, true) => {
                late = Some(update);
                continue;
            }
            // The later one first.
            (Some(before), _) => vec![update, before],
            (None, false) => vec![update],
        };
        for (exp, end) in arrived {
            told_exp = told_exp.max(exp);
            told_end = told_end.max(end);
            // MaxCmdSN names the last command that may be sent.
            window.handle_update(sn(exp), sn(end).prev());
            assert_eq!(window.expected(), sn(told_exp));
            assert_eq!(u64::from(window.open()), told_end - sent);
            assert_eq!(window.current(), sn(sent));
        }
    }
}
