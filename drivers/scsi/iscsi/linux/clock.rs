// SPDX-License-Identifier: GPL-2.0

//! A clock that costs nothing to look at, and only ticks every few milliseconds.
//!
//! C header: [`include/linux/jiffies.h`](srctree/include/linux/jiffies.h)

use super::bindings;
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// The time of something that happens often, written and read by any thread.
pub(crate) struct Tick(Atomic<usize>);

impl Tick {
    /// The present time.
    pub(crate) fn now() -> Self {
        Self(Atomic::new(jiffies()))
    }

    /// Makes it the present time.
    pub(crate) fn set(&self) {
        self.0.store(jiffies(), Relaxed);
    }

    /// Milliseconds since then, of which the last few may be missing.
    pub(crate) fn elapsed_ms(&self) -> i64 {
        // Read first: a time set meanwhile is not in the future then.
        let then = self.0.load(Relaxed);
        let passed = (jiffies().wrapping_sub(then) as isize).max(0) as usize;
        // SAFETY: Computes with a number.
        let ms = unsafe { bindings::iscsi_helper_jiffies_to_msecs(passed) };
        i64::from(ms)
    }
}

fn jiffies() -> usize {
    // SAFETY: Reads a number.
    unsafe { bindings::iscsi_helper_jiffies() }
}
