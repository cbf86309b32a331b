// SPDX-License-Identifier: GPL-2.0

//! The login machine, with any responses.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iscsi_properties::login::any(data));
