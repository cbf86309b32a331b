// SPDX-License-Identifier: GPL-2.0

//! Sense data.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::sense::any(data));
