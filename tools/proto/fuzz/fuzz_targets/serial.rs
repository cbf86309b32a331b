// SPDX-License-Identifier: GPL-2.0

//! Serial numbers, and any updates of the command window.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::serial::any(data));
