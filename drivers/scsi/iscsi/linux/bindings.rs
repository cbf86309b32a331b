// SPDX-License-Identifier: GPL-2.0

//! The module's own bindings, generated from `bindings.h` for the kernel it is built for.

#![allow(
    clippy::all,
    clippy::as_ptr_cast_mut,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    reason = "generated code"
)]

use kernel::ffi;

// Manually mapped, as in the kernel's own bindings.
type __kernel_size_t = usize;
type __kernel_ssize_t = isize;
type __kernel_ptrdiff_t = isize;

include!("bindings_generated.rs");
