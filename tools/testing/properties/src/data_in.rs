// SPDX-License-Identifier: GPL-2.0

//! Reads: Data-In PDUs and the count of what did not come, RFC 7143 sections 11.4.5 and 11.7.

use iscsi_proto::proto::{
    data_in::{
        settle,
        DataInError,
        DataInTracker,
        Residual,
        Span,
        Verdict, //
    },
    data_out::TransferLimits,
    pdu::{
        DataIn,
        Itt,
        Lun,
        ScsiStatus,
        SegmentLen, //
    },
    sn::{
        CmdSn,
        DataSn,
        StatSn, //
    }, //
};

use crate::input::Input;

/// A Data-In PDU; `has_status` makes it the last one.
fn data_in(data_sn: u32, buffer_offset: u32, len: u32, has_status: bool) -> DataIn {
    DataIn {
        is_final: has_status,
        acknowledge: false,
        overflow: false,
        underflow: false,
        has_status,
        status: ScsiStatus::GOOD,
        data_len: SegmentLen::at_most(len),
        lun: Lun::ZERO,
        itt: Itt::new(7).expect("a tag"),
        ttt: None,
        stat_sn: StatSn::new(0),
        exp_cmd_sn: CmdSn::new(0),
        max_cmd_sn: CmdSn::new(0),
        data_sn: DataSn::new(data_sn),
        buffer_offset,
        residual_count: 0,
    }
}

/// A target that sends data in pieces, some of them empty, and then fewer bytes than asked for or
/// all: every byte has its place, and the rest is told.
pub fn complete(expected: u32, max_segment: u32, pieces: &[u32], short: bool) {
    let limits = TransferLimits {
        max_recv_segment: max_segment,
        ..TransferLimits::DEFAULT
    };
    let mut tracker = DataInTracker::new(&limits, expected);
    let mut sent = 0;
    let rest = std::iter::repeat_n(max_segment, if short { 0 } else { 100_000 });
    for piece in pieces.iter().copied().chain(rest) {
        let len = piece.min(max_segment).min(expected - sent);
        if len == 0 && sent == expected {
            break;
        }
        let (sn, expect) = (tracker.next_sn().get(), sent);
        refuses_all_others(&tracker, expect, expected, max_segment);
        let span = tracker.accept(&data_in(sn, sent, len, false));
        let len = SegmentLen::at_most(len);
        assert_eq!(
            span,
            Ok(Span {
                offset: expect,
                len
            })
        );
        sent += len.get();
    }
    assert_eq!((tracker.received(), tracker.expected()), (sent, expected));
    assert!(short || sent == expected);

    // The status comes with the last PDU, and the task is over.
    let mut ending = data_in(tracker.next_sn().get(), sent, 0, true);
    ending.underflow = sent < expected;
    ending.residual_count = expected - sent;
    assert!(tracker.accept(&ending).is_ok());
    let after = data_in(tracker.next_sn().get(), sent, 0, false);
    assert_eq!(tracker.accept(&after), Err(DataInError::AfterStatus));

    let (status, residual) = ending.ending().expect("a status");
    assert_eq!(status, ScsiStatus::GOOD);
    let settled = settle(expected, sent, residual);
    assert_eq!(
        (settled.residual, settled.verdict),
        (expected - sent, Verdict::Agrees)
    );
}

/// What is not the next piece is refused, for its reason.
fn refuses_all_others(tracker: &DataInTracker, sent: u32, expected: u32, max_segment: u32) {
    let sn = tracker.next_sn().get();
    let refusal = |header| {
        let mut tracker_after = *tracker;
        let refused = tracker_after
            .accept(&header)
            .expect_err("not the next piece");
        assert_eq!(tracker_after, *tracker, "a refused PDU changes nothing");
        refused
    };
    let wrong_number = data_in(sn.wrapping_add(1), sent, 1, false);
    assert!(matches!(
        refusal(wrong_number),
        DataInError::OutOfOrder { .. }
    ));
    let wrong_place = data_in(sn, sent.wrapping_add(1), 1, false);
    assert!(matches!(refusal(wrong_place), DataInError::Gap { .. }));
    if max_segment < SegmentLen::MAX.get() {
        let too_long = data_in(sn, sent, max_segment + 1, false);
        assert!(matches!(
            refusal(too_long),
            DataInError::BeyondMaxSegment { .. }
        ));
    }
    if expected - sent < max_segment {
        let beyond = data_in(sn, sent, expected - sent + 1, false);
        assert!(matches!(
            refusal(beyond),
            DataInError::BeyondExpectedLength { .. }
        ));
    }
}

/// Any Data-In PDUs: what is accepted continues what was, and what is told of it is never more.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let expected = input.between(0, u32::MAX);
    let limits = TransferLimits {
        max_recv_segment: input.between(0, 0x00ff_ffff),
        ..TransferLimits::DEFAULT
    };
    let mut tracker = DataInTracker::new(&limits, expected);
    let (mut count, mut received, mut ended) = (0, 0u32, false);
    while !input.is_empty() {
        let choice = input.u8();
        let sn = if choice & 0x07 == 0 {
            input.u32()
        } else {
            count
        };
        let offset = if choice & 0x38 == 0 {
            input.u32()
        } else {
            received
        };
        let len = input.between(0, 0x00ff_ffff);
        let header = data_in(sn, offset, len, choice & 0xc0 == 0xc0);
        let fits = u64::from(offset) + u64::from(len) <= u64::from(expected);
        let is_next = len == 0 || offset == received && fits;
        let legal = !ended && sn == count && len <= limits.max_recv_segment && is_next;
        let before = tracker;
        match tracker.accept(&header) {
            Ok(span) => {
                assert!(legal, "accepted {header:?} in {before:?}");
                assert_eq!((span.offset, span.len.get()), (received, len));
                received += len;
                count += 1;
                ended = header.has_status;
            }
            Err(error) => {
                assert!(!legal, "{error:?} to {header:?} in {before:?}");
                assert_eq!(tracker, before);
            }
        }
        assert_eq!(
            (tracker.received(), tracker.next_sn().get()),
            (received, count)
        );
    }
    let claim = input.u32();
    for residual in [
        Residual::None,
        Residual::Overflow(claim),
        Residual::Underflow(claim),
        Residual::Underflow(expected - received),
    ] {
        check_settlement(expected, received, residual);
    }
}

/// Section 11.4.5: a byte that did not arrive is never reported as transferred.
pub fn check_settlement(expected: u32, moved: u32, residual: Residual) {
    let settled = settle(expected, moved, residual);
    assert!(settled.residual <= expected);
    assert!(u64::from(expected - settled.residual) <= u64::from(moved));
    let missing = expected.saturating_sub(moved);
    let claimed = match residual {
        Residual::Underflow(count) => count,
        Residual::None | Residual::Overflow(_) => 0,
    };
    assert_eq!(settled.verdict == Verdict::Agrees, claimed == missing);
    if settled.verdict == Verdict::Agrees {
        assert_eq!(settled.residual, missing);
    }
}
