// SPDX-License-Identifier: GPL-2.0

//! A stream of bytes, cut into PDUs and these into their parts.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::stream::any(data));
