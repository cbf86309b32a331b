// SPDX-License-Identifier: GPL-2.0

//! Scopes in which memory is allocated without waiting for our own disks.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::bindings;
use kernel::types::NotThreadSafe;

/// While this lives, the thread's allocations do not start I/O (`GFP_NOIO`).
///
/// For threads that reclaim may be waiting for, as it writes to one of our disks.
#[must_use = "the scope ends when the value is dropped"]
pub(crate) struct NoIo {
    flags: u32,
    _thread: NotThreadSafe,
}

impl NoIo {
    /// Begins the scope.
    pub(crate) fn enter() -> Self {
        Self {
            // SAFETY: Changes a flag of the current task only.
            flags: unsafe { bindings::iscsi_helper_memalloc_noio_save() },
            _thread: NotThreadSafe,
        }
    }
}

impl Drop for NoIo {
    fn drop(&mut self) {
        // SAFETY: Same thread as `enter`, as the type is not `Send`.
        unsafe { bindings::iscsi_helper_memalloc_noio_restore(self.flags) };
    }
}

/// While this lives, the thread may use the reserves and does not reclaim (`PF_MEMALLOC`).
///
/// For the threads that move the data of commands: reclaim waits for exactly them.
#[must_use = "the scope ends when the value is dropped"]
pub(crate) struct NoReclaim {
    flags: u32,
    _thread: NotThreadSafe,
}

impl NoReclaim {
    /// Begins the scope.
    pub(crate) fn enter() -> Self {
        Self {
            // SAFETY: Changes a flag of the current task only.
            flags: unsafe { bindings::iscsi_helper_memalloc_noreclaim_save() },
            _thread: NotThreadSafe,
        }
    }
}

impl Drop for NoReclaim {
    fn drop(&mut self) {
        // SAFETY: Same thread as `enter`, as the type is not `Send`.
        unsafe { bindings::iscsi_helper_memalloc_noreclaim_restore(self.flags) };
    }
}
