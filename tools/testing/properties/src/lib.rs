// SPDX-License-Identifier: GPL-2.0

//! What holds of the protocol core for any input.
//!
//! Each module has a property of one part of the core as a function that panics if it does not
//! hold, often with a model beside it: the same rules written a second time, from RFC 7143 and not
//! from the core, as plainly as can be. Two kinds of tests call these functions:
//!
//! - the property tests in `tests/`, with inputs that mean something, made by rules;
//! - the fuzz targets in `tools/proto/fuzz/`, with bytes that need not mean anything, and which
//!   libFuzzer makes by what they reach in the core. [`TARGETS`] lists them; each takes any bytes.
//!
//! Read first: [`input`] (how bytes become a case), [`negotiation`] (RFC 7143 section 13 as a
//! model), [`login`] (a target), [`data_out`] (a target that looks at each Data-Out PDU).

#![forbid(unsafe_code)]

pub mod ahs;
pub mod data_in;
pub mod data_out;
pub mod header;
pub mod input;
pub mod login;
pub mod names;
pub mod negotiation;
pub mod pdu;
pub mod sense;
pub mod serial;
pub mod stream;
pub mod text;

/// A property of any bytes.
pub type Target = fn(&[u8]);

/// The fuzz targets by their names, which are also those of the directories of their corpora.
pub const TARGETS: [(&str, Target); 12] = [
    ("address", names::any_address),
    ("ahs", ahs::any),
    ("data_in", data_in::any),
    ("data_out", data_out::any),
    ("header", header::any),
    ("keys", negotiation::any),
    ("login", login::any),
    ("name", names::any_name),
    ("sense", sense::any),
    ("serial", serial::any),
    ("stream", stream::any),
    ("text", text::any),
];
