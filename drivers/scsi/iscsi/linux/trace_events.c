// SPDX-License-Identifier: GPL-2.0
/* Makes the trace events, and what Rust calls to emit them: see trace.rs. */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include <trace/events/iscsi_initiator.h>
