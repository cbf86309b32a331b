// SPDX-License-Identifier: GPL-2.0

//! Login keys at any time, with any value.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::negotiation::any(data));
