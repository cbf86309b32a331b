// SPDX-License-Identifier: GPL-2.0

//! Kernel threads.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use super::bindings;
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::from_err_ptr,
    prelude::*,
    types::Opaque, //
};

/// What a new thread finds at its start.
#[pin_data]
struct Start<T> {
    /// Completed when the body has returned.
    #[pin]
    ended: Opaque<bindings::completion>,
    /// Taken out by the thread.
    data: ManuallyDrop<T>,
    body: fn(T),
}

/// A running kernel thread.
///
/// Dropping it waits for the thread's end. It does not tell the thread to end: the owner does that
/// with whatever the body looks at (an [`Event`](super::event::Event), a flag, a closed socket)
/// before the drop. A thread must not own itself.
///
/// # Invariants
///
/// `task` holds a reference to a thread made by `kthread_create`, which nobody else stops; `start`
/// was given to it and is freed by `reclaim` only.
pub(crate) struct Thread {
    task: NonNull<bindings::task_struct>,
    start: NonNull<c_void>,
    /// Inside `start`.
    ended: NonNull<bindings::completion>,
    reclaim: unsafe fn(NonNull<c_void>),
}

// SAFETY: `kthread_stop` and `put_task_struct` may be called from any thread; the data inside
// `start` is `Send` by the bound of `spawn`.
unsafe impl Send for Thread {}

// SAFETY: There is no method that takes `&Thread`.
unsafe impl Sync for Thread {}

impl Thread {
    /// Starts a thread called `name/number` that runs `body(data)`.
    ///
    /// Of the name, most programs show the first 15 characters.
    ///
    /// # Context
    ///
    /// Sleeps and allocates with `GFP_KERNEL`, unless the caller is in a `NoIo` scope.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EINTR` if the caller is being killed.
    pub(crate) fn spawn<T: Send + 'static>(
        name: &CStr,
        number: u32,
        data: T,
        body: fn(T),
    ) -> Result<Self> {
        let start = KBox::pin_init(
            pin_init!(Start {
                ended <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                    // SAFETY: `slot` is the place of a `struct completion`, pinned in the box.
                    unsafe { bindings::iscsi_helper_init_completion(slot) }
                }),
                data: ManuallyDrop::new(data),
                body,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: The value is not moved: it stays in its box until `reclaim`.
        let start = KBox::into_raw(unsafe { Pin::into_inner_unchecked(start) });
        // SAFETY: `entry::<T>` gets exactly the pointer made above, which stays allocated until
        // `reclaim::<T>`; the format takes a string and an unsigned int, which is what follows.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(entry::<T>),
                start.cast(),
                -1,
                c"%s/%u".as_char_ptr(),
                name.as_char_ptr(),
                number,
            )
        });
        // SAFETY: `KBox::into_raw` does not return null.
        let start = unsafe { NonNull::new_unchecked(start) }.cast();
        let task = match task {
            Ok(task) => task,
            Err(err) => {
                // SAFETY: No thread was made, so the pointer is still ours alone, with the data.
                unsafe { ManuallyDrop::drop(&mut (*start.cast::<Start<T>>().as_ptr()).data) };
                // SAFETY: As above.
                unsafe { reclaim::<T>(start) };
                return Err(err);
            }
        };
        // SAFETY: `task` was just made and has not run: it exists. The reference taken here keeps
        // the structure after the thread's end, until the drop.
        unsafe { bindings::iscsi_helper_get_task_struct(task) };
        // SAFETY: As above.
        unsafe { bindings::wake_up_process(task) };
        // INVARIANT: One reference was taken, and `reclaim::<T>` matches the type of `start`.
        Ok(Self {
            // SAFETY: Checked by `from_err_ptr`; `kthread_create` does not return null.
            task: unsafe { NonNull::new_unchecked(task) },
            start,
            // SAFETY: The box stays until the drop, after the thread's end.
            ended: unsafe {
                NonNull::new_unchecked((*start.cast::<Start<T>>().as_ptr()).ended.get())
            },
            reclaim: reclaim::<T>,
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // `kthread_stop` makes a thread that still works look as if it had a signal, which would end
        // its waits in the network; so its body is waited for first.
        // SAFETY: The completion is in the box, which is freed below; the thread completes it after
        // its body, as `spawn` has woken it.
        unsafe { bindings::wait_for_completion(self.ended.as_ptr()) };
        // SAFETY: By the type invariant the thread exists and nobody else stops it. After this it
        // runs no code of ours any more.
        unsafe { bindings::kthread_stop(self.task.as_ptr()) };
        // SAFETY: This gives back the reference of `spawn`.
        unsafe { bindings::iscsi_helper_put_task_struct(self.task.as_ptr()) };
        // SAFETY: The thread has ended, so nobody else looks at `start` any more.
        unsafe { (self.reclaim)(self.start) };
    }
}

/// Frees what a thread was started with, without the data.
///
/// # Safety
///
/// `start` must come from `Thread::spawn::<T>`, and its thread must have ended or never existed.
unsafe fn reclaim<T>(start: NonNull<c_void>) {
    // SAFETY: By the contract of this function the box is ours again.
    drop(unsafe { KBox::from_raw(start.cast::<Start<T>>().as_ptr()) });
}

/// Where a new thread begins.
///
/// # Safety
///
/// Only for `kthread_create`, with a `Start<T>` of `Thread::spawn::<T>`.
unsafe extern "C" fn entry<T>(data: *mut c_void) -> c_int {
    let start = data.cast::<Start<T>>();
    // SAFETY: `Thread` frees the box only after this thread has ended, and leaves the data to it.
    let data = ManuallyDrop::into_inner(unsafe { core::ptr::read(&raw const (*start).data) });
    // SAFETY: As above; a function pointer is `Copy`.
    let body = unsafe { (*start).body };
    body(data);
    // SAFETY: As above, and `spawn` has initialised the completion.
    unsafe { bindings::complete((*start).ended.get()) };
    0
}

/// Whether the current task yields to ordinary ones (nice, `SCHED_IDLE`).
pub(crate) fn current_yields() -> bool {
    // SAFETY: Looks at the current task only.
    unsafe { bindings::iscsi_helper_current_yields() }
}

/// Makes the current thread `SCHED_BATCH`: it does not take the processor away from the task that
/// wakes it, or any other. It runs once there is an idle one, that task sleeps, or its time is over.
pub(crate) fn current_set_batch() {
    // SAFETY: This concerns the current task only.
    unsafe { bindings::iscsi_helper_current_set_batch() }
}
