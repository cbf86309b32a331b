// SPDX-License-Identifier: GPL-2.0

//! No property, but a fault that the fuzzer has to find: `scripts/fuzz` runs it first. It shows that
//! the core counts with overflow checks in this build, and that a panic is not missed.

#![no_main]

use iscsi_proto::proto::pdu::{SegmentLen, SegmentLens};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [a, b, c, d, ..] = *data else { return };
    let lens = SegmentLens {
        ahs: u32::from_be_bytes([a, b, c, d]),
        header_digest: 0,
        data: SegmentLen::ZERO,
        padding: 0,
        data_digest: 0,
    };
    lens.total();
});
