// SPDX-License-Identifier: GPL-2.0

//! The protocol core of the kernel module, built on the host.
//!
//! The sources are the module's own, under `drivers/scsi/iscsi/proto/`. This crate exists so that
//! their tests run in seconds and so that `iscsiadm` checks names and values with the same code as
//! the kernel. What the kernel cannot offer is refused here: no `std`, no allocation, no `unsafe`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[path = "../../drivers/scsi/iscsi/proto/mod.rs"]
pub mod proto;
