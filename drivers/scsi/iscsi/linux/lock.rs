// SPDX-License-Identifier: GPL-2.0

//! Spinlocks that softirqs take too.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use super::bindings;
use kernel::{
    bindings as kernel_bindings,
    prelude::*,
    sync::lock::{
        Backend,
        Guard,
        Lock, //
    }, //
};

/// A spinlock that keeps softirqs off the processor while it is held: for data that the callbacks
/// of a socket use beside threads.
///
/// Made by [`new_spinlock_bh!`](crate::linux::lock::new_spinlock_bh).
pub(crate) type SpinLockBh<T> = Lock<T, SpinLockBhBackend>;

/// A [`SpinLockBh`], held.
pub(crate) type SpinLockBhGuard<'a, T> = Guard<'a, T, SpinLockBhBackend>;

/// `spin_lock_bh` and `spin_unlock_bh`.
pub(crate) struct SpinLockBhBackend;

// SAFETY: A `spinlock_t` has one owner at a time; all ways to take it here, `relock` of the trait
// included, are `spin_lock_bh`.
unsafe impl Backend for SpinLockBhBackend {
    type State = kernel_bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(
        ptr: *mut Self::State,
        name: *const c_char,
        key: *mut kernel_bindings::lock_class_key,
    ) {
        // SAFETY: By the contract `ptr` is the place for a lock, and `name` and `key` stay for good.
        unsafe { bindings::iscsi_helper_spin_lock_init(ptr.cast(), name, key.cast()) }
    }

    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: By the contract the lock has been initialised.
        unsafe { bindings::iscsi_helper_spin_lock_bh(ptr.cast()) }
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        // SAFETY: By the contract the lock has been initialised.
        unsafe { bindings::iscsi_helper_spin_trylock_bh(ptr.cast()) }.then_some(())
    }

    unsafe fn unlock(ptr: *mut Self::State, _state: &Self::GuardState) {
        // SAFETY: By the contract the caller owns the lock.
        unsafe { bindings::iscsi_helper_spin_unlock_bh(ptr.cast()) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: By the contract the lock has been initialised.
        unsafe { bindings::iscsi_helper_spin_assert_is_held(ptr.cast()) }
    }
}

/// An initialiser of a [`SpinLockBh`] with a lock class of its own: as `new_spinlock!`.
macro_rules! new_spinlock_bh {
    ($inner:expr, $name:literal) => {
        $crate::linux::lock::SpinLockBh::new(
            $inner,
            kernel::optional_name!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_bh;
