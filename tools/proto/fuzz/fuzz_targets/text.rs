// SPDX-License-Identifier: GPL-2.0

//! Key=value text and its values.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::text::any(data));
