// SPDX-License-Identifier: GPL-2.0

//! A wake-up for one waiting thread.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::bindings;
use kernel::{
    prelude::*,
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
}

/// A sticky wake-up: signals that come while nobody waits are kept, as one.
///
/// For one waiting thread at a time; any thread may signal. The waiter looks for its work after
/// [`Event::wait`] returns; whatever was made visible before [`Event::signal`] is found then.
#[pin_data]
pub(crate) struct Event {
    /// 1 from a signal to the end of the wait that consumes it.
    #[pin]
    signalled: Opaque<bindings::atomic_t>,
    #[pin]
    waiter: Opaque<bindings::wait_queue_head>,
}

// SAFETY: Both fields are made to be used from any thread.
unsafe impl Send for Event {}

// SAFETY: As above.
unsafe impl Sync for Event {}

impl Event {
    /// A new event that nobody has signalled.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            signalled <- Opaque::ffi_init(|slot: *mut bindings::atomic_t| {
                // SAFETY: `slot` is the place of an `atomic_t`, of which all bytes may be zero.
                unsafe { slot.write(bindings::atomic_t::default()) }
            }),
            waiter <- Opaque::ffi_init(|slot: *mut bindings::wait_queue_head| {
                // SAFETY: `slot` is the place of a wait queue head, pinned with `Self`.
                unsafe { bindings::iscsi_helper_init_waitqueue_head(slot) }
            }),
        })
    }

    /// Wakes the waiting thread, now or at its next wait.
    ///
    /// A full barrier: what was written before is seen by the wait that consumes the signal, also
    /// if the event was signalled already.
    ///
    /// # Context
    ///
    /// Any; does not sleep.
    pub(crate) fn signal(&self) {
        // SAFETY: Both fields were initialised by `new` and live as long as `self`.
        unsafe { bindings::iscsi_helper_event_signal(self.signalled.get(), self.waiter.get()) };
    }

    /// Waits for a signal, at most `timeout` milliseconds if there is one.
    ///
    /// # Context
    ///
    /// Sleeps, as an idle task: it neither counts as load, nor looks hung, nor ends for a signal to
    /// the process.
    pub(crate) fn wait(&self, timeout: Option<Msecs>) -> Wake {
        let jiffies = timeout.map_or(MAX_WAIT, |ms| (msecs_to_jiffies(ms) + 1).min(MAX_WAIT));
        // SAFETY: Both fields were initialised by `new` and live as long as `self`.
        let left = unsafe {
            bindings::iscsi_helper_event_wait(
                self.signalled.get(),
                self.waiter.get(),
                jiffies as c_long,
            )
        };
        if left == 0 {
            Wake::TimedOut
        } else {
            Wake::Signalled
        }
    }
}

/// `MAX_SCHEDULE_TIMEOUT`: no limit.
const MAX_WAIT: c_ulong = c_long::MAX as c_ulong;
