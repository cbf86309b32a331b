// SPDX-License-Identifier: GPL-2.0

//! Portals and portal group tags.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::names::any_address(data));
