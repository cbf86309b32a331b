// SPDX-License-Identifier: GPL-2.0

use super::*;

const EDGES: [u32; 9] = [
    0,
    1,
    2,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fffe,
    0xffff_ffff,
];

fn sn(value: u32) -> CmdSn {
    CmdSn::new(value)
}

#[test]
fn order_holds_across_the_wrap_rfc1982_3_2() {
    for start in EDGES {
        for (step, before) in [
            (0, false),
            (1, true),
            (0x7fff_ffff, true),
            (0x8000_0000, false),
            (0x8000_0001, false),
            (0xffff_ffff, false),
        ] {
            let (a, b) = (sn(start), sn(start).add(step));
            assert_eq!(a.precedes(b), before, "{a} {step:#x}");
        }
    }
}

#[test]
fn order_is_antisymmetric() {
    for a in EDGES.map(sn) {
        for b in EDGES.map(sn) {
            assert!(!(a.precedes(b) && b.precedes(a)), "{a} {b}");
        }
    }
}

#[test]
fn numbers_half_the_space_apart_have_no_order_rfc1982_3_2() {
    for a in EDGES.map(sn) {
        let b = a.add(0x8000_0000);
        assert!(!a.precedes(b) && !b.precedes(a));
        assert_eq!(a.distance_to(b), None);
        assert_eq!(b.distance_to(a), None);
    }
}

#[test]
fn distance_undoes_add() {
    for a in EDGES.map(sn) {
        for n in [0, 1, 2, 0x7fff_fffe, 0x7fff_ffff] {
            assert_eq!(a.distance_to(a.add(n)), Some(n));
        }
        assert_eq!(a.next().distance_to(a), None);
        assert_eq!(a.next().prev(), a);
    }
}

#[test]
fn prints_as_hexadecimal() {
    assert_eq!(format!("{}", sn(0x1f)), "0x0000001f");
    assert_eq!(format!("{:?}", StatSn::new(1)), "StatSn(0x00000001)");
}

#[test]
fn new_window_is_closed() {
    for first in EDGES.map(sn) {
        let mut w = CmdWindow::new(first);
        assert_eq!(w.open(), 0);
        assert_eq!(w.take(), None);
        assert_eq!(w.current(), first);
    }
}

#[test]
fn first_command_carries_the_cmdsn_of_the_login_11_12_8() {
    for first in EDGES.map(sn) {
        let mut w = CmdWindow::new(first);
        assert_eq!(w.handle_update(first, first.add(3)), WindowUpdate::Opened);
        assert_eq!(w.open(), 4);
        for n in 0..4 {
            assert_eq!(w.take(), Some(first.add(n)));
        }
        assert_eq!(w.take(), None);
    }
}

/// MaxCmdSN - ExpCmdSN + 1 is the target's capacity, and sending MaxCmdSN closes the window.
#[test]
fn window_closes_at_maxcmdsn_4_2_2_1() {
    let mut w = CmdWindow::new(sn(0xffff_fffe));
    w.handle_update(sn(0xffff_fffe), sn(0));
    assert_eq!(w.open(), 3);
    assert_eq!(w.take(), Some(sn(0xffff_fffe)));
    assert_eq!(w.take(), Some(sn(0xffff_ffff)));
    assert_eq!(w.take(), Some(sn(0)));
    assert_eq!(w.take(), None);
    assert_eq!((w.expected(), w.current()), (sn(0xffff_fffe), sn(1)));
}

#[test]
fn immediate_pdus_carry_the_current_number_and_do_not_advance_it_4_2_2_1() {
    let mut w = CmdWindow::new(sn(10));
    w.handle_update(sn(10), sn(20));
    assert_eq!(w.take(), Some(sn(10)));
    assert_eq!((w.current(), w.current()), (sn(11), sn(11)));
    assert_eq!(w.take(), Some(sn(11)));
}

/// First rule of 4.2.2.1: MaxCmdSN < ExpCmdSN - 1 means that both are ignored.
#[test]
fn contradicting_update_is_ignored_4_2_2_1() {
    let mut w = CmdWindow::new(sn(10));
    w.handle_update(sn(10), sn(20));
    for _ in 0..5 {
        w.take();
    }
    let before = w;
    assert_eq!(w.handle_update(sn(30), sn(28)), WindowUpdate::Unchanged);
    assert_eq!(w, before);
    assert_eq!(w.handle_update(sn(12), sn(10)), WindowUpdate::Unchanged);
    assert_eq!(w, before);
}

/// MaxCmdSN = ExpCmdSN - 1 is legal: the target can take nothing more (11.4.11).
#[test]
fn full_target_is_not_a_contradiction_11_4_11() {
    let mut w = CmdWindow::new(sn(10));
    w.handle_update(sn(10), sn(12));
    for _ in 0..3 {
        w.take();
    }
    assert_eq!(w.handle_update(sn(13), sn(12)), WindowUpdate::Acknowledged);
    assert_eq!((w.expected(), w.open()), (sn(13), 0));
}

/// Second and third rule of 4.2.2.1: only greater values count, each for itself.
#[test]
fn window_only_advances_4_2_2_1() {
    let mut w = CmdWindow::new(sn(10));
    w.handle_update(sn(10), sn(20));
    for _ in 0..6 {
        w.take();
    }
    assert_eq!(w.handle_update(sn(15), sn(25)), WindowUpdate::Opened);
    // An older update arrives late: both numbers are behind.
    assert_eq!(w.handle_update(sn(12), sn(22)), WindowUpdate::Unchanged);
    assert_eq!((w.expected(), w.max()), (sn(15), sn(25)));
    // One of them is news.
    assert_eq!(w.handle_update(sn(16), sn(22)), WindowUpdate::Acknowledged);
    assert_eq!((w.expected(), w.max()), (sn(16), sn(25)));
    assert_eq!(w.handle_update(sn(11), sn(26)), WindowUpdate::Opened);
    assert_eq!((w.expected(), w.max()), (sn(16), sn(26)));
}

#[test]
fn what_was_never_sent_is_not_acknowledged() {
    let mut w = CmdWindow::new(sn(10));
    assert_eq!(w.handle_update(sn(12), sn(20)), WindowUpdate::Opened);
    assert_eq!((w.expected(), w.current()), (sn(10), sn(10)));
    assert_eq!(w.take(), Some(sn(10)));
    assert_eq!(w.handle_update(sn(11), sn(20)), WindowUpdate::Acknowledged);
    assert_eq!((w.expected(), w.current()), (sn(11), sn(11)));
}

#[test]
fn no_update_can_break_the_window() {
    for start in EDGES {
        for exp in EDGES {
            for max in EDGES {
                let mut w = CmdWindow::new(sn(start));
                w.handle_update(sn(exp), sn(max));
                assert!(w.open() <= 0x7fff_ffff);
                assert!(!w.current().precedes(w.expected()));
                if w.take().is_some() {
                    assert_eq!(w.current(), sn(start).next());
                }
            }
        }
    }
}

#[test]
fn status_numbers_start_with_the_first_login_response_11_13_4() {
    let mut t = StatSnTracker::new(StatSn::new(0xffff_fffe));
    assert_eq!(t.expected(), StatSn::new(0xffff_ffff));
    assert_eq!(t, StatSnTracker::expecting(StatSn::new(0xffff_ffff)));
    assert_eq!(t.accept(StatSn::new(0xffff_ffff)), StatSnOrder::InOrder);
    assert_eq!(t.accept(StatSn::new(0)), StatSnOrder::InOrder);
    assert_eq!(t.expected(), StatSn::new(1));
}

#[test]
fn status_out_of_order_is_seen_and_not_counted_4_2_2_2() {
    let mut t = StatSnTracker::new(StatSn::new(4));
    assert_eq!(t.accept(StatSn::new(8)), StatSnOrder::Gap { missing: 3 });
    assert_eq!(t.accept(StatSn::new(4)), StatSnOrder::Repeated);
    assert_eq!(t.expected(), StatSn::new(5));
}

#[test]
fn r2t_shows_the_next_statsn_without_using_it_11_8_3() {
    let mut t = StatSnTracker::new(StatSn::new(4));
    assert_eq!(t.check(StatSn::new(5)), StatSnOrder::InOrder);
    assert_eq!(t.check(StatSn::new(5)), StatSnOrder::InOrder);
    assert_eq!(t.accept(StatSn::new(5)), StatSnOrder::InOrder);
}
