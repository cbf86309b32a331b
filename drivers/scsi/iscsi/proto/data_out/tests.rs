// SPDX-License-Identifier: GPL-2.0

//! Every rule of sending data once by hand, then all of them over many limits and lengths.

use super::*;
use crate::proto::sn::CmdSn;

const LUN: Lun = Lun([0, 5, 0, 0, 0, 0, 0, 0]);

/// Limits in the order immediate data, InitialR2T, FirstBurstLength, MaxBurstLength, MRDSL.
fn limits(
    immediate_data: ImmediateData,
    initial_r2t: InitialR2t,
    first_burst: u32,
    max_burst: u32,
    max_send_segment: u32,
) -> TransferLimits {
    TransferLimits {
        initial_r2t,
        immediate_data,
        first_burst,
        max_burst,
        max_send_segment,
        max_recv_segment: 8192,
        max_outstanding_r2t: 4,
    }
}

fn r2t(sn: u32, offset: u32, len: u32) -> R2t {
    R2t {
        lun: LUN,
        itt: Itt::new(1).unwrap(),
        ttt: Ttt::new(sn.wrapping_add(0x100)).unwrap(),
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(0),
        max_cmd_sn: CmdSn::new(0),
        r2t_sn: R2tSn::new(sn),
        buffer_offset: offset,
        desired_len: len,
    }
}

/// A ring for a write of `expected` bytes of which nothing goes unasked.
fn ring<const N: usize>(expected: u32, max_burst: u32, max_outstanding: u16) -> R2tRing<N> {
    let limits = TransferLimits {
        max_outstanding_r2t: max_outstanding,
        ..limits(
            ImmediateData::Refused,
            InitialR2t::Required,
            65536,
            max_burst,
            8192,
        )
    };
    R2tRing::new(&limits, expected, &WritePlan::new(&limits, expected))
}

/// Offset, length, DataSN and F of all pieces.
fn pieces(mut burst: Burst, max_len: u32) -> Vec<(u32, u32, u32, bool)> {
    core::iter::from_fn(|| burst.poll(max_len))
        .map(|p| (p.offset, p.len.get(), p.data_sn.get(), p.is_final))
        .collect()
}

#[test]
fn small_write_goes_with_the_command_11_3_4() {
    use ImmediateData::Allowed;
    for initial_r2t in [InitialR2t::Required, InitialR2t::NotRequired] {
        for len in [1, 511, 512, 8191, 8192] {
            let limits = limits(Allowed, initial_r2t, 65536, 262_144, 8192);
            let plan = WritePlan::new(&limits, len);
            assert_eq!(plan.immediate().get(), len);
            assert!(plan.command_is_final());
            assert_eq!(plan.unsolicited(), None);
            assert_eq!(plan.first_solicited(), len);
        }
    }
}

#[test]
fn write_of_nothing_sends_nothing() {
    let limits = limits(
        ImmediateData::Allowed,
        InitialR2t::NotRequired,
        65536,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 0);
    assert_eq!(plan.immediate(), SegmentLen::ZERO);
    assert!(plan.command_is_final() && plan.unsolicited().is_none());
}

#[test]
fn no_immediate_data_if_refused_13_11() {
    let limits = limits(
        ImmediateData::Refused,
        InitialR2t::NotRequired,
        65536,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 100);
    assert_eq!(plan.immediate(), SegmentLen::ZERO);
    assert!(!plan.command_is_final());
    assert_eq!(
        pieces(plan.unsolicited().unwrap(), 8192),
        [(0, 100, 0, true)]
    );
}

#[test]
fn no_unsolicited_pdus_if_r2t_is_required_13_10() {
    let limits = limits(
        ImmediateData::Allowed,
        InitialR2t::Required,
        65536,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 1 << 20);
    assert_eq!(plan.immediate().get(), 8192);
    assert!(plan.command_is_final());
    assert_eq!(plan.first_solicited(), 8192);
}

#[test]
fn nothing_goes_unasked_in_r2t_mode_4_2_5_2() {
    let limits = limits(
        ImmediateData::Refused,
        InitialR2t::Required,
        65536,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 4096);
    assert_eq!(plan.immediate(), SegmentLen::ZERO);
    assert!(plan.command_is_final());
    assert_eq!(plan.first_solicited(), 0);
}

#[test]
fn immediate_data_fit_the_first_burst_4_2_5_2() {
    let limits = limits(
        ImmediateData::Allowed,
        InitialR2t::Required,
        1024,
        262_144,
        8192,
    );
    assert_eq!(WritePlan::new(&limits, 4096).immediate().get(), 1024);
}

/// "If any non-immediate unsolicited data is sent, the total unsolicited data MUST be either
/// FirstBurstLength or all of the data".
#[test]
fn unsolicited_data_are_the_first_burst_or_everything_4_2_5_2() {
    use ImmediateData::{Allowed, Refused};
    for immediate_data in [Allowed, Refused] {
        for first_burst in [512, 513, 4096, 65536, 0xff_ffff] {
            for segment in [512, 515, 8192, 0xff_ffff] {
                let limits = limits(
                    immediate_data,
                    InitialR2t::NotRequired,
                    first_burst,
                    0xff_ffff,
                    segment,
                );
                for len in [1, 511, 512, 513, 4095, 65537, 1 << 24, u32::MAX] {
                    let plan = WritePlan::new(&limits, len);
                    if plan.unsolicited().is_some() {
                        assert_eq!(plan.first_solicited(), first_burst.min(len));
                    }
                    assert!(plan.first_solicited() <= first_burst.min(len));
                    assert!(plan.immediate().get() <= segment);
                }
            }
        }
    }
}

#[test]
fn first_burst_is_cut_to_the_targets_segment_11_7_1() {
    let limits = limits(
        ImmediateData::Allowed,
        InitialR2t::NotRequired,
        20_000,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 1 << 20);
    assert_eq!(plan.immediate().get(), 8192);
    assert!(!plan.command_is_final());
    let burst = plan.unsolicited().unwrap();
    assert_eq!(
        pieces(burst, 8192),
        [(8192, 8192, 0, false), (16384, 3616, 1, true)]
    );
}

/// Section 11.7.4: no transfer tag, LUN reserved.
#[test]
fn unsolicited_header_names_no_transfer_11_7_4() {
    let limits = limits(
        ImmediateData::Refused,
        InitialR2t::NotRequired,
        65536,
        262_144,
        8192,
    );
    let mut burst = WritePlan::new(&limits, 512).unsolicited().unwrap();
    let piece = burst.poll(8192).unwrap();
    let header = piece.header(Itt::new(7).unwrap(), StatSn::new(3));
    assert_eq!((header.ttt, header.lun), (None, Lun::ZERO));
    assert_eq!((header.itt.get(), header.exp_stat_sn.get()), (7, 3));
    assert_eq!(burst.poll(8192), None);
}

#[test]
fn solicited_header_copies_tag_and_lun_11_8_5() {
    let mut ring = ring::<4>(8192, 8192, 1);
    ring.accept(&r2t(0, 0, 8192)).unwrap();
    let piece = ring.poll(4096).unwrap();
    let header = piece.header(Itt::new(7).unwrap(), StatSn::new(3));
    assert_eq!((header.ttt, header.lun), (Ttt::new(0x100), LUN));
    assert_eq!((header.buffer_offset, header.data_len.get()), (0, 4096));
    assert!(!header.is_final);
}

/// Section 11.7.7: whole words in all pieces but the last.
#[test]
fn pieces_are_whole_words_11_7_7() {
    let mut ring = ring::<1>(3000, 4096, 1);
    ring.accept(&r2t(0, 0, 2001)).unwrap();
    assert_eq!(
        pieces(*ring.current().unwrap(), 515),
        [
            (0, 512, 0, false),
            (512, 512, 1, false),
            (1024, 512, 2, false),
            (1536, 465, 3, true),
        ]
    );
}

#[test]
fn any_piece_limit_makes_progress() {
    for max_len in [0, 1, 3, 4, 5, 7, 8, u32::MAX] {
        let mut ring = ring::<1>(10, 512, 1);
        ring.accept(&r2t(0, 0, 10)).unwrap();
        let all = pieces(*ring.current().unwrap(), max_len);
        assert_eq!(all.iter().map(|p| p.1).sum::<u32>(), 10, "{max_len}");
        assert!(all.iter().all(|p| p.1 <= max_len.max(4)));
    }
}

/// A sequence longer than a segment can be: 24 bits of DataSegmentLength (11.2.1.6).
#[test]
fn no_piece_is_longer_than_a_header_can_say_11_2_1_6() {
    let burst = Burst {
        ttt: None,
        lun: Lun::ZERO,
        offset: 0,
        remaining: u32::MAX,
        data_sn: DataSn::ZERO,
    };
    let all = pieces(burst, u32::MAX);
    assert!(all.iter().all(|p| p.1 <= 0xff_ffff));
    assert_eq!(
        all.iter().map(|p| u64::from(p.1)).sum::<u64>(),
        u64::from(u32::MAX)
    );
}

#[test]
fn datasn_restarts_in_each_sequence_4_2_2_4() {
    let mut ring = ring::<4>(4096, 2048, 2);
    ring.accept(&r2t(0, 0, 2048)).unwrap();
    ring.accept(&r2t(1, 2048, 2048)).unwrap();
    let all: Vec<_> = core::iter::from_fn(|| ring.poll(1024))
        .map(|p| (p.ttt.unwrap().get(), p.offset, p.data_sn.get(), p.is_final))
        .collect();
    assert_eq!(
        all,
        [
            (0x100, 0, 0, false),
            (0x100, 1024, 1, true),
            (0x101, 2048, 0, false),
            (0x101, 3072, 1, true),
        ]
    );
}

#[test]
fn r2ts_come_in_the_order_of_r2tsn_11_8_2() {
    let mut ring = ring::<4>(4096, 1024, 4);
    let wrong = |expected, got| {
        Err(R2tError::OutOfOrder {
            expected: R2tSn::new(expected),
            got: R2tSn::new(got),
        })
    };
    assert_eq!(ring.accept(&r2t(1, 0, 1024)), wrong(0, 1));
    assert_eq!(ring.accept(&r2t(0, 0, 1024)), Ok(()));
    assert_eq!(ring.accept(&r2t(0, 1024, 1024)), wrong(1, 0));
    assert_eq!(ring.accept(&r2t(u32::MAX, 1024, 1024)), wrong(1, u32::MAX));
    assert_eq!(ring.accept(&r2t(1, 1024, 1024)), Ok(()));
    assert_eq!(ring.len, 2);
}

#[test]
fn r2t_asks_for_one_byte_up_to_maxburstlength_11_8_4() {
    let mut ring = ring::<4>(4096, 1024, 4);
    assert_eq!(ring.accept(&r2t(0, 0, 0)), Err(R2tError::Empty));
    assert_eq!(
        ring.accept(&r2t(0, 0, 1025)),
        Err(R2tError::BeyondMaxBurst {
            len: 1025,
            max: 1024
        })
    );
    assert_eq!(ring.accept(&r2t(0, 0, 1024)), Ok(()));
    assert_eq!(ring.accept(&r2t(1, 1024, 1)), Ok(()));
}

#[test]
fn rejects_r2t_beyond_expected_length_11_8() {
    for (expected, offset, len) in [
        (4096, 4096, 1),
        (4096, 4095, 2),
        (4096, 0, 4097),
        (4096, u32::MAX, 1),
        (4096, u32::MAX - 511, 1024),
        (0, 0, 1),
        (u32::MAX, u32::MAX, 1),
    ] {
        let mut ring = ring::<2>(expected, 8192, 2);
        assert_eq!(
            ring.accept(&r2t(0, offset, len)),
            Err(R2tError::BeyondExpectedLength {
                offset,
                len,
                expected
            })
        );
        assert_eq!(ring.len, 0);
    }
    let mut ring = ring::<2>(u32::MAX, u32::MAX, 2);
    assert_eq!(ring.accept(&r2t(0, 0, u32::MAX)), Ok(()));
}

/// Section 11.8, DataSequenceInOrder=Yes: "continuous non-overlapping ranges".
#[test]
fn rejects_r2t_that_leaves_a_gap_11_8() {
    let mut ring = ring::<4>(4096, 1024, 4);
    ring.accept(&r2t(0, 0, 1024)).unwrap();
    assert_eq!(
        ring.accept(&r2t(1, 1025, 1024)),
        Err(R2tError::Gap {
            expected: 1024,
            got: 1025
        })
    );
    ring.accept(&r2t(1, 1024, 1024)).unwrap();
}

#[test]
fn first_r2t_begins_behind_the_unsolicited_data_11_8() {
    let limits = limits(
        ImmediateData::Allowed,
        InitialR2t::Required,
        65536,
        262_144,
        8192,
    );
    let plan = WritePlan::new(&limits, 65536);
    let mut ring = R2tRing::<2>::new(&limits, 65536, &plan);
    assert_eq!(
        ring.accept(&r2t(0, 8196, 512)),
        Err(R2tError::Gap {
            expected: 8192,
            got: 8196
        })
    );
    assert_eq!(ring.accept(&r2t(0, 8192, 57344)), Ok(()));
}

/// "outstanding R2Ts" are limited by MaxOutstandingR2T; one ends with its F bit (13.17).
#[test]
fn no_more_r2ts_than_maxoutstandingr2t_13_17() {
    let mut ring = ring::<8>(1 << 20, 1024, 3);
    for sn in 0..3 {
        ring.accept(&r2t(sn, sn * 1024, 1024)).unwrap();
    }
    let fourth = r2t(3, 3 * 1024, 1024);
    assert_eq!(ring.accept(&fourth), Err(R2tError::TooMany { limit: 3 }));
    assert!(!ring.poll(512).unwrap().is_final);
    assert_eq!(ring.accept(&fourth), Err(R2tError::TooMany { limit: 3 }));
    assert!(ring.poll(512).unwrap().is_final);
    assert_eq!(ring.accept(&fourth), Ok(()));
    assert_eq!(ring.len, 3);
}

#[test]
fn the_ring_is_never_overfull() {
    let mut ring = ring::<2>(1 << 20, 1024, u16::MAX);
    ring.accept(&r2t(0, 0, 1024)).unwrap();
    ring.accept(&r2t(1, 1024, 1024)).unwrap();
    assert_eq!(
        ring.accept(&r2t(2, 2048, 1024)),
        Err(R2tError::TooMany { limit: 2 })
    );
    let mut none = self::ring::<0>(4096, 1024, 1);
    assert_eq!(
        none.accept(&r2t(0, 0, 1024)),
        Err(R2tError::TooMany { limit: 0 })
    );
    assert_eq!(none.poll(512), None);
}

#[test]
fn the_ring_goes_round() {
    let mut ring = ring::<3>(1 << 20, 1024, 3);
    let mut sent = 0;
    for sn in 0..100 {
        ring.accept(&r2t(sn, sn * 1024, 1024)).unwrap();
        if sn % 3 != 2 {
            continue;
        }
        while let Some(piece) = ring.poll(1024) {
            assert_eq!(piece.offset, sent);
            assert_eq!(piece.ttt.unwrap().get(), 0x100 + sent / 1024);
            sent += 1024;
        }
        assert_eq!(ring.sent(), sent);
    }
    assert_eq!(sent, 99 * 1024);
}

/// Section 11.8: a recovery R2T has the next R2TSN and asks again for data asked for before.
#[test]
fn recovery_r2t_gets_its_data_again_11_8() {
    let mut ring = ring::<2>(4096, 1024, 2);
    ring.accept(&r2t(0, 0, 1024)).unwrap();
    while ring.poll(512).is_some() {}
    ring.accept(&r2t(1, 512, 512)).unwrap();
    let piece = ring.poll(1024).unwrap();
    assert_eq!((piece.offset, piece.len.get()), (512, 512));
    assert_eq!((piece.data_sn, piece.is_final), (DataSn::ZERO, true));
    // The next new data follow what was asked for first.
    ring.accept(&r2t(2, 1024, 1024)).unwrap();
    assert_eq!(ring.poll(1024).unwrap().offset, 1024);
    assert_eq!(ring.sent(), 2048);
}

#[test]
fn recovery_r2ts_have_a_limit() {
    let mut ring = ring::<1>(1024, 1024, 1);
    ring.accept(&r2t(0, 0, 1024)).unwrap();
    ring.poll(1024).unwrap();
    for sn in 1..=u32::from(MAX_REPEATS) {
        ring.accept(&r2t(sn, 0, 512)).unwrap();
        ring.poll(1024).unwrap();
    }
    assert_eq!(
        ring.accept(&r2t(u32::from(MAX_REPEATS) + 1, 0, 512)),
        Err(R2tError::TooManyRepeats)
    );
}

#[test]
fn a_refused_r2t_changes_nothing() {
    let mut ring = ring::<2>(4096, 1024, 2);
    ring.accept(&r2t(0, 0, 1024)).unwrap();
    let before = ring;
    for bad in [
        r2t(2, 1024, 512),
        r2t(1, 1024, 0),
        r2t(1, 1024, 2048),
        r2t(1, 4096, 1),
        r2t(1, 2048, 1),
    ] {
        assert!(ring.accept(&bad).is_err());
        assert_eq!(ring, before);
    }
}

#[test]
fn sent_counts_from_the_start_without_holes() {
    let mut ring = ring::<2>(4096, 2048, 2);
    assert_eq!(ring.sent(), 0);
    ring.accept(&r2t(0, 0, 2048)).unwrap();
    assert_eq!(ring.sent(), 0);
    ring.poll(512).unwrap();
    assert_eq!(ring.sent(), 512);
    ring.accept(&r2t(1, 2048, 2048)).unwrap();
    while ring.poll(512).is_some() {}
    assert_eq!(ring.sent(), 4096);
}

/// A target that asks for everything in MaxBurstLength steps gets each byte once, in order, and
/// within all limits.
#[test]
fn every_byte_is_sent_once_whatever_was_negotiated() {
    use ImmediateData::{Allowed, Refused};
    use InitialR2t::{NotRequired, Required};
    for immediate_data in [Allowed, Refused] {
        for initial_r2t in [Required, NotRequired] {
            for (first_burst, max_burst) in [(512, 512), (513, 1031), (4096, 65536), (65536, 65536)]
            {
                for segment in [512, 1023, 8192, 0xff_ffff] {
                    for len in [1, 511, 512, 513, 1023, 4096, 5000, 65536, 65537, 200_003] {
                        let limits =
                            limits(immediate_data, initial_r2t, first_burst, max_burst, segment);
                        check_write(&limits, len);
                    }
                }
            }
        }
    }
}

fn check_write(limits: &TransferLimits, len: u32) {
    let plan = WritePlan::new(limits, len);
    let mut at = plan.immediate().get();
    if let Some(mut burst) = plan.unsolicited() {
        assert!(!plan.command_is_final());
        assert_eq!(burst.offset(), at);
        at = check_sequence(at, limits, || burst.poll(limits.max_send_segment));
        assert_eq!((burst.offset(), burst.remaining()), (at, 0));
    }
    assert_eq!(at, plan.first_solicited());

    let mut ring = R2tRing::<8>::new(limits, len, &plan);
    let mut asked = at;
    let mut sn = 0;
    while at < len {
        while asked < len && ring.len < usize::from(limits.max_outstanding_r2t) {
            let step = (len - asked).min(limits.max_burst);
            ring.accept(&r2t(sn, asked, step)).unwrap();
            asked += step;
            sn += 1;
        }
        at = check_sequence(at, limits, || ring.poll(limits.max_send_segment));
    }
    assert_eq!((at, ring.sent(), ring.len), (len, len, 0));
}

/// Checks one sequence from `at` on and returns where it ends.
fn check_sequence(
    mut at: u32,
    limits: &TransferLimits,
    mut poll: impl FnMut() -> Option<DataOutPiece>,
) -> u32 {
    let start = at;
    for sn in 0.. {
        let piece = poll().expect("the sequence ends with F");
        assert_eq!((piece.offset, piece.data_sn.get()), (at, sn));
        assert!(0 < piece.len.get() && piece.len.get() <= limits.max_send_segment);
        at += piece.len.get();
        if piece.is_final {
            break;
        }
        assert_eq!(piece.len.get() % 4, 0);
    }
    assert!(at - start <= limits.max_burst);
    at
}
