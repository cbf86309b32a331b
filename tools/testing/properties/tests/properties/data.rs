// SPDX-License-Identifier: GPL-2.0

//! Data in both directions, with a target that counts.

use iscsi_properties::{
    data_in,
    data_out::{
        complete,
        Turn,
        Write,
        Wrong, //
    }, //
};
use iscsi_proto::proto::{
    data_in::Residual,
    data_out::{
        ImmediateData,
        InitialR2t,
        TransferLimits, //
    }, //
};
use proptest::{
    collection::vec,
    prelude::*, //
};

use crate::cases;

/// Bytes, often a limit that implementations like, or one beside it.
fn length(max: u32) -> impl Strategy<Value = u32> {
    let liked = prop::sample::select(vec![512u32, 4096, 8192, 65536, 262_144, 16_777_215]);
    prop_oneof![
        (liked, 0u32..5).prop_map(move |(len, by)| (len + by).saturating_sub(2).clamp(512, max)),
        512..=max,
    ]
}

/// Limits that a negotiation can come to.
fn limits() -> impl Strategy<Value = TransferLimits> {
    let bursts = length(16_777_215).prop_flat_map(|max| (length(max.max(512)), Just(max)));
    (any::<[bool; 2]>(), bursts, length(16_777_215), 1u16..=8).prop_map(
        |([required, allowed], (first_burst, max_burst), max_send_segment, max_outstanding_r2t)| {
            TransferLimits {
                initial_r2t: match required {
                    true => InitialR2t::Required,
                    false => InitialR2t::NotRequired,
                },
                immediate_data: match allowed {
                    true => ImmediateData::Allowed,
                    false => ImmediateData::Refused,
                },
                first_burst,
                max_burst,
                max_send_segment,
                max_recv_segment: 8192,
                max_outstanding_r2t,
            }
        },
    )
}

/// A write of at most some hundred PDUs and R2Ts.
fn write() -> impl Strategy<Value = (TransferLimits, u32)> {
    limits().prop_flat_map(|limits| {
        let piece = limits.max_send_segment.min(limits.max_burst);
        (Just(limits), 0..=piece.saturating_mul(200))
    })
}

fn wrong() -> impl Strategy<Value = Wrong> {
    prop::sample::select(vec![
        Wrong::Number,
        Wrong::Nothing,
        Wrong::TooMuch,
        Wrong::BeyondEnd,
        Wrong::Gap,
        Wrong::TooMany,
    ])
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => prop_oneof![Just(u32::MAX), 1u32..2000, 1u32..1 << 24].prop_map(Turn::Ask),
        4 => (0u8..6).prop_map(Turn::Wait),
        1 => (wrong(), any::<u32>()).prop_map(|(wrong, by)| Turn::AskWrongly(wrong, by)),
    ]
}

proptest! {
    #![proptest_config(cases(1200))]

    /// Within MaxRecvDataSegmentLength, FirstBurstLength, MaxBurstLength and MaxOutstandingR2T.
    #[test]
    fn every_byte_of_a_write_is_sent_exactly_once(
        (limits, expected) in write(),
        turns in vec(turn(), 0..40),
    ) {
        complete(limits, expected, &turns);
    }

    /// Sections 7.2 and 11.8: a target that lost data asks for them again.
    #[test]
    fn data_are_sent_again_if_asked_for(
        (limits, expected) in write(),
        asks in vec((any::<u32>(), any::<u32>(), 0u8..8), 1..80),
    ) {
        let mut write = Write::new(limits, expected);
        for (back, len, wait) in asks {
            let (sn, next) = write.next();
            let offset = if next == 0 { 0 } else { next - back % (next + 1) };
            let len = (len % limits.max_burst + 1).min(expected - offset);
            let _ = write.ask(sn, offset, len);
            (0..wait).for_each(|_| write.send(limits.max_send_segment));
        }
    }

    #[test]
    fn every_byte_of_a_read_has_its_place(
        max_segment in length(16_777_215),
        pieces in vec(prop_oneof![Just(0u32), 1u32..9000, any::<u32>()], 0..20),
        expected in prop_oneof![0u32..10, 0u32..200_000],
        short: bool,
    ) {
        data_in::complete(expected, max_segment, &pieces, short);
    }

    #[test]
    fn what_did_not_arrive_is_residual(expected: u32, moved: u32, count: u32, kind in 0u8..4) {
        let residual = match kind {
            0 => Residual::None,
            1 => Residual::Overflow(count),
            2 => Residual::Underflow(count),
            _ => Residual::Underflow(expected.saturating_sub(moved)),
        };
        data_in::check_settlement(expected, moved, residual);
    }
}
