// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers over the kernel APIs that the `kernel` crate lacks.
//!
//! Every `unsafe` block of the module is in this room.

pub(crate) mod arrivals;
pub(crate) mod bindings;
pub(crate) mod bvec;
pub(crate) mod clock;
pub(crate) mod crc32c;
pub(crate) mod event;
pub(crate) mod genl;
pub(crate) mod kthread;
pub(crate) mod lock;
pub(crate) mod memalloc;
pub(crate) mod module;
pub(crate) mod scsi;
pub(crate) mod socket;
pub(crate) mod sysfs;
pub(crate) mod trace;
pub(crate) mod transport;
