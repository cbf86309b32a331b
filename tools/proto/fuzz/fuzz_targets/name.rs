// SPDX-License-Identifier: GPL-2.0

//! iSCSI names and aliases.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::names::any_name(data));
