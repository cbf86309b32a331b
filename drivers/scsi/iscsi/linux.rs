// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers over the kernel APIs that the `kernel` crate lacks.
//!
//! Every `unsafe` block of the module is in this room.

pub(crate) mod bindings;
pub(crate) mod genl;
