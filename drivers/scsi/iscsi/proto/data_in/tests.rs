// SPDX-License-Identifier: GPL-2.0

//! Every rule of receiving data once by hand, then whole transfers over many lengths.

use super::*;
use crate::proto::{
    pdu::{
        Itt,
        Lun, //
    },
    sn::{
        CmdSn,
        StatSn, //
    }, //
};

fn tracker(expected: u32) -> DataInTracker {
    DataInTracker::new(&TransferLimits::DEFAULT, expected)
}

fn data_in(sn: u32, offset: u32, len: u32) -> DataIn {
    DataIn {
        is_final: false,
        acknowledge: false,
        overflow: false,
        underflow: false,
        has_status: false,
        status: ScsiStatus::GOOD,
        data_len: SegmentLen::new(len).unwrap(),
        lun: Lun::ZERO,
        itt: Itt::new(1).unwrap(),
        ttt: None,
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(0),
        max_cmd_sn: CmdSn::new(0),
        data_sn: DataSn::new(sn),
        buffer_offset: offset,
        residual_count: 0,
    }
}

fn last(sn: u32, offset: u32, len: u32) -> DataIn {
    DataIn {
        is_final: true,
        has_status: true,
        ..data_in(sn, offset, len)
    }
}

fn response() -> ScsiResponse {
    ScsiResponse {
        bidi_overflow: false,
        bidi_underflow: false,
        overflow: false,
        underflow: false,
        response: ServiceResponse::COMPLETED,
        status: ScsiStatus::GOOD,
        data_len: SegmentLen::ZERO,
        itt: Itt::new(1).unwrap(),
        snack_tag: 0,
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(0),
        max_cmd_sn: CmdSn::new(0),
        exp_data_sn: DataSn::ZERO,
        bidi_residual: 0,
        residual_count: 0,
    }
}

#[test]
fn data_arrive_from_the_start_without_gaps_11_7_6() {
    let mut t = tracker(10_000);
    for (sn, offset, len) in [(0, 0, 4096), (1, 4096, 4096), (2, 8192, 1808)] {
        let span = t.accept(&data_in(sn, offset, len)).unwrap();
        assert_eq!((span.offset, span.len.get()), (offset, len));
        assert_eq!(t.received(), offset + len);
    }
    assert_eq!((t.received(), t.next_sn().get()), (t.expected(), 3));
}

#[test]
fn datasn_counts_from_0_4_2_2_4() {
    let mut t = tracker(8192);
    let wrong = |expected, got| {
        Err(DataInError::OutOfOrder {
            expected: DataSn::new(expected),
            got: DataSn::new(got),
        })
    };
    assert_eq!(t.accept(&data_in(1, 0, 512)), wrong(0, 1));
    assert!(t.accept(&data_in(0, 0, 512)).is_ok());
    assert_eq!(t.accept(&data_in(0, 512, 512)), wrong(1, 0));
    assert_eq!(t.accept(&data_in(2, 512, 512)), wrong(1, 2));
    assert_eq!(t.received(), 512);
}

/// Section 11.7.1: sequences end with F, and DataSN goes on.
#[test]
fn sequences_do_not_restart_datasn_11_7_1() {
    let mut t = tracker(1024);
    let end = DataIn {
        is_final: true,
        ..data_in(0, 0, 512)
    };
    assert!(t.accept(&end).is_ok());
    assert!(t.accept(&data_in(1, 512, 512)).is_ok());
}

#[test]
fn rejects_segments_longer_than_declared_11_7_1() {
    let mut t = tracker(65536);
    assert_eq!(
        t.accept(&data_in(0, 0, 8193)),
        Err(DataInError::BeyondMaxSegment {
            len: 8193,
            max: 8192
        })
    );
    assert!(t.accept(&data_in(0, 0, 8192)).is_ok());
}

#[test]
fn rejects_gaps_and_overlaps_11_7_6() {
    let mut t = tracker(8192);
    t.accept(&data_in(0, 0, 1024)).unwrap();
    for got in [0, 1023, 1025, 2048, u32::MAX] {
        assert_eq!(
            t.accept(&data_in(1, got, 512)),
            Err(DataInError::Gap {
                expected: 1024,
                got
            })
        );
    }
    assert_eq!(t.received(), 1024);
}

#[test]
fn rejects_data_beyond_expected_length_11_7_6() {
    for (expected, got, len) in [(0, 0, 1), (512, 512, 1), (512, 511, 2)] {
        let mut t = tracker(expected);
        if got != 0 {
            t.accept(&data_in(0, 0, got)).unwrap();
        }
        let sn = u32::from(got != 0);
        assert_eq!(
            t.accept(&data_in(sn, got, len)),
            Err(DataInError::BeyondExpectedLength {
                offset: got,
                len,
                expected
            })
        );
        assert_eq!(t.received(), got);
    }
}

#[test]
fn the_end_of_the_number_space_is_no_way_out() {
    let mut t = DataInTracker {
        expected: u32::MAX,
        received: u32::MAX - 10,
        max_segment: 8192,
        next_sn: DataSn::ZERO,
        ended: false,
    };
    assert!(matches!(
        t.accept(&data_in(0, u32::MAX - 10, 11)),
        Err(DataInError::BeyondExpectedLength { .. })
    ));
    assert!(t.accept(&data_in(0, u32::MAX - 10, 10)).is_ok());
    assert_eq!(t.received(), u32::MAX);
}

/// Section 11.7.7: "MUST be able to properly receive 0-length data segments".
#[test]
fn takes_empty_segments_wherever_they_say_they_are_11_7_7() {
    let mut t = tracker(1024);
    t.accept(&data_in(0, 0, 512)).unwrap();
    for (sn, offset) in [(1, 512), (2, 0), (3, u32::MAX)] {
        let span = t.accept(&data_in(sn, offset, 0)).unwrap();
        assert_eq!((span.offset, span.len.get()), (512, 0));
    }
    assert!(t.accept(&last(4, 512, 512)).is_ok());
}

#[test]
fn nothing_follows_the_status_11_7_3() {
    let mut t = tracker(1024);
    t.accept(&last(0, 0, 512)).unwrap();
    assert_eq!(
        t.accept(&data_in(1, 512, 512)),
        Err(DataInError::AfterStatus)
    );
    assert_eq!(t.received(), 512);
}

#[test]
fn a_refused_pdu_changes_nothing() {
    let mut t = tracker(2048);
    t.accept(&data_in(0, 0, 1024)).unwrap();
    let before = t;
    for bad in [
        data_in(2, 1024, 512),
        data_in(1, 1020, 512),
        last(1, 1024, 1025),
        data_in(1, 1024, 8193),
    ] {
        assert!(t.accept(&bad).is_err());
        assert_eq!(t, before);
    }
}

#[test]
fn every_byte_arrives_once_whatever_the_segments() {
    for expected in [1, 511, 512, 513, 4096, 8191, 8192, 8193, 100_003] {
        for segment in [1, 3, 512, 4096, 8192] {
            let mut t = tracker(expected);
            let mut at = 0;
            for sn in 0.. {
                let len = segment.min(expected - at);
                let span = t.accept(&data_in(sn, at, len)).unwrap();
                assert_eq!((span.offset, span.len.get()), (at, len));
                at += len;
                if at == expected {
                    break;
                }
            }
            assert_eq!(
                settle(expected, t.received(), Residual::None),
                Settlement {
                    residual: 0,
                    verdict: Verdict::Agrees
                }
            );
        }
    }
}

#[test]
fn residual_is_what_the_flags_say_11_4_5_1() {
    let good = |residual| Some((ScsiStatus::GOOD, residual));
    for (overflow, underflow, residual) in [
        (false, false, Residual::None),
        (true, false, Residual::Overflow(7)),
        (false, true, Residual::Underflow(7)),
    ] {
        let in_response = ScsiResponse {
            overflow,
            underflow,
            residual_count: 7,
            ..response()
        };
        let in_data = DataIn {
            overflow,
            underflow,
            residual_count: 7,
            ..last(0, 0, 0)
        };
        assert_eq!(in_response.ending(), good(residual));
        assert_eq!(in_data.ending(), good(residual));
    }
}

#[test]
fn status_needs_the_s_bit_or_a_completed_command_11_4_3_11_7_3() {
    assert_eq!(data_in(0, 0, 0).ending(), None);
    for code in [0x01, 0x02, 0x80, 0xff] {
        let failed = ScsiResponse {
            response: ServiceResponse::new(code),
            underflow: true,
            residual_count: 9,
            ..response()
        };
        assert_eq!(failed.ending(), None, "{code:#x}");
    }
}

/// Section 11.4.5.2: Residual Count is EDTL - SPDTL, or SPDTL - EDTL.
#[test]
fn residuals_are_compared_with_what_was_moved_11_4_5_2() {
    use Residual::{None, Overflow, Underflow};
    use Verdict::{Agrees, Implausible, Missing};
    for (expected, moved, residual, left, verdict) in [
        (4096, 4096, None, 0, Agrees),
        (0, 0, None, 0, Agrees),
        (4096, 1000, Underflow(3096), 3096, Agrees),
        (4096, 0, Underflow(4096), 4096, Agrees),
        // A command that wanted to move more than there was room for.
        (4096, 4096, Overflow(100), 0, Agrees),
        (0, 0, Overflow(512), 0, Agrees),
        // Data that never came, of which the target says nothing.
        (4096, 4000, None, 96, Missing),
        (4096, 4000, Overflow(1), 96, Missing),
        (4096, 1000, Underflow(1000), 3096, Missing),
        // A target that gives back more than it took or sent.
        (4096, 4096, Underflow(1), 1, Implausible),
        (4096, 0, Underflow(5000), 4096, Implausible),
        (4096, 4096, Underflow(u32::MAX), 4096, Implausible),
        (0, 0, Underflow(1), 0, Implausible),
        // Not possible after the tracker's checks, and harmless all the same.
        (4096, 5000, None, 0, Agrees),
        (u32::MAX, 0, None, u32::MAX, Missing),
    ] {
        assert_eq!(
            settle(expected, moved, residual),
            Settlement {
                residual: left,
                verdict
            },
            "{expected} {moved} {residual:?}"
        );
    }
}

#[test]
fn a_byte_that_did_not_arrive_is_never_reported_as_transferred() {
    let edges = [0, 1, 511, 512, 4096, u32::MAX - 1, u32::MAX];
    for expected in edges {
        for moved in edges.into_iter().filter(|&moved| moved <= expected) {
            for count in edges {
                for residual in [
                    Residual::None,
                    Residual::Overflow(count),
                    Residual::Underflow(count),
                ] {
                    let settled = settle(expected, moved, residual);
                    assert!(settled.residual <= expected);
                    assert!(expected - settled.residual <= moved);
                }
            }
        }
    }
}

#[test]
fn sense_stands_behind_its_length_11_4_7() {
    let data = [0, 3, 0x70, 0, 5, 0xaa, 0xbb];
    let segment = SenseSegment::parse(&data).unwrap();
    assert_eq!(segment.sense, [0x70, 0, 5]);
    assert_eq!(segment.rest, [0xaa, 0xbb]);
}

#[test]
fn an_empty_segment_has_no_sense_11_4_7() {
    let nothing = SenseSegment {
        sense: &[],
        rest: &[],
    };
    assert_eq!(SenseSegment::parse(&[]), Ok(nothing));
    // An event that is not SCSI's has a length of 0 (11.9.4.1).
    assert_eq!(SenseSegment::parse(&[0, 0]), Ok(nothing));
    assert_eq!(SenseSegment::parse(&[0, 0, 9]).unwrap().rest, [9]);
}

#[test]
fn rejects_truncated_sense() {
    let data = [0, 3, 0x70, 0, 5];
    assert_eq!(
        SenseSegment::parse(&data[..1]),
        Err(ReadError::Missing("SenseLength"))
    );
    for len in 2..5 {
        assert_eq!(
            SenseSegment::parse(&data[..len]),
            Err(ReadError::Missing("sense data"))
        );
    }
    assert!(SenseSegment::parse(&data).is_ok());
    assert_eq!(
        SenseSegment::parse(&[0xff, 0xff, 1]),
        Err(ReadError::Missing("sense data"))
    );
}

/// A receiver keeps the first bytes only; sense data are cut then, not refused.
#[test]
fn sense_is_cut_where_the_rest_was_dropped() {
    let data = [0, 4, 1, 2, 3, 4, 9];
    for kept in 2..=7 {
        let segment = SenseSegment::parse_start(&data[..kept], 7).unwrap();
        assert_eq!(segment.sense, &data[2..kept.min(6)]);
        assert_eq!(segment.rest.len(), kept.saturating_sub(6));
    }
    // It has to have been there: 4 bytes do not fit a segment of 5.
    for kept in 2..=5 {
        assert_eq!(
            SenseSegment::parse_start(&data[..kept], 5),
            Err(ReadError::Missing("sense data"))
        );
    }
}
