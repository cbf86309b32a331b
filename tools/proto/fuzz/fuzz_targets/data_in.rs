// SPDX-License-Identifier: GPL-2.0

//! Data-In PDUs of one command in any order.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::data_in::any(data));
