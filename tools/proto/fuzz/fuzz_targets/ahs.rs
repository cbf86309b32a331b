// SPDX-License-Identifier: GPL-2.0

//! Additional header segments, and CDBs of any length.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::ahs::any(data));
