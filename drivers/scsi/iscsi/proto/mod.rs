// SPDX-License-Identifier: GPL-2.0

//! The iSCSI protocol as RFC 7143 writes it: data and pure functions.
//!
//! Bytes come in and go out as slices, time comes in as an argument. There is no socket, lock,
//! clock, allocation or log in this room, and it imports `core` and itself only, so the same files
//! are built into the module by Kbuild and on the host by Cargo, where their tests run.
//!
//! Read first: [`pdu`] (every header as a value), [`sn`] (serial numbers and the command window),
//! [`data_out`] (which bytes of a write go when).

#![forbid(unsafe_code)]

pub mod address;
pub mod command;
pub mod connection;
pub mod data_in;
pub mod data_out;
pub mod keys;
pub mod login;
pub mod machine;
pub mod names;
pub mod negotiate;
pub mod pdu;
pub mod reader;
pub mod session;
pub mod sn;
pub mod text;
pub mod violation;
