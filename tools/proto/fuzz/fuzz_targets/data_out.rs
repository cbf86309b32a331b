// SPDX-License-Identifier: GPL-2.0

//! R2Ts of one command, any of them, and the Data-Out PDUs they get.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::data_out::any(data));
