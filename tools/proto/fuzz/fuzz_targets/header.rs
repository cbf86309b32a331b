// SPDX-License-Identifier: GPL-2.0

//! Basic headers of both directions.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::header::any(data));
