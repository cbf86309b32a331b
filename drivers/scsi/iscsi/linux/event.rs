// SPDX-License-Identifier: GPL-2.0

//! A wake-up for one waiting thread.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)

use super::bindings;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full, //
    },
    time::{
        msecs_to_jiffies,
        Msecs, //
    },
    types::Opaque, //
};

/// What ended a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wake {
    /// Somebody signalled.
    Signalled,
    /// The time was over.
    TimedOut,
    /// The waiting task got a signal; kernel threads do not get any.
    Interrupted,
}

/// A sticky wake-up: signals that come while nobody waits are kept, as one.
///
/// For one waiting thread at a time; any thread may signal. The waiter looks for its work after
/// [`Event::wait`] returns; whatever was made visible before [`Event::signal`] is found then.
#[pin_data]
pub(crate) struct Event {
    /// 1 from a signal to the end of the wait that consumes it.
    signalled: Atomic<i32>,
    #[pin]
    done: Opaque<bindings::completion>,
}

// SAFETY: `struct completion` has a lock of its own and may be used from any thread.
unsafe impl Send for Event {}

// SAFETY: As above, and `signalled` is atomic.
unsafe impl Sync for Event {}

impl Event {
    /// A new event that nobody has signalled.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            signalled: Atomic::new(0),
            done <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is the place of a `struct completion`, pinned with `Self`.
                unsafe { bindings::iscsi_helper_init_completion(slot) }
            }),
        })
    }

    /// Wakes the waiting thread, now or at its next wait.
    ///
    /// # Context
    ///
    /// Any; does not sleep.
    pub(crate) fn signal(&self) {
        // Full order pairs with the exchange in `wait`: what was written before a signal that finds
        // the event signalled is seen by the wait that consumes that earlier signal.
        if self.signalled.xchg(1, Full) == 0 {
            // SAFETY: `done` was initialised by `new` and lives as long as `self`.
            unsafe { bindings::complete(self.done.get()) };
        }
    }

    /// Waits for a signal, at most `timeout` milliseconds if there is one.
    ///
    /// # Context
    ///
    /// Sleeps, interruptibly: it neither counts as load nor looks hung.
    pub(crate) fn wait(&self, timeout: Option<Msecs>) -> Wake {
        let jiffies = timeout.map_or(MAX_WAIT, |ms| (msecs_to_jiffies(ms) + 1).min(MAX_WAIT));
        // SAFETY: `done` was initialised by `new` and lives as long as `self`.
        let left = unsafe {
            bindings::wait_for_completion_interruptible_timeout(self.done.get(), jiffies)
        };
        match left {
            0 => return Wake::TimedOut,
            ..0 => return Wake::Interrupted,
            _ => (),
        }
        self.signalled.xchg(0, Full);
        Wake::Signalled
    }
}

/// `MAX_SCHEDULE_TIMEOUT`: no limit.
const MAX_WAIT: c_ulong = c_long::MAX as c_ulong;
