// SPDX-License-Identifier: GPL-2.0

//! A thread that does one job after another, each when it is told to.
//!
//! A session has its TX and its RX thread from the beginning: making a thread needs memory that is
//! not allocated by whoever asks for it but by `kthreadd`, and memory may be waiting for the
//! connection that the thread is to serve.

use crate::linux::{
    event::Event,
    kthread::Thread, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    },
};

/// What a worker is told, and says.
enum Order<T> {
    /// Nothing to do: the last job has ended.
    Rest,
    /// A job to be done.
    Work(T),
    /// The job is being done.
    Busy,
    /// There will be no more jobs.
    End,
}

#[pin_data]
struct Shared<T> {
    #[pin]
    order: SpinLock<Order<T>>,
    /// Signalled when there is an order.
    #[pin]
    ordered: Event,
    /// Signalled when a job has ended.
    #[pin]
    rested: Event,
    body: fn(T),
}

impl<T: Send + Unpin + 'static> Shared<T> {
    /// The body of the thread.
    fn run(self: Arc<Self>) {
        loop {
            let job = {
                let mut order = self.order.lock();
                match core::mem::replace(&mut *order, Order::Busy) {
                    Order::Work(job) => Some(job),
                    Order::Rest => {
                        *order = Order::Rest;
                        None
                    }
                    Order::Busy | Order::End => return,
                }
            };
            match job {
                Some(job) => {
                    (self.body)(job);
                    *self.order.lock() = Order::Rest;
                    self.rested.signal();
                }
                None => {
                    self.ordered.wait(None);
                }
            }
        }
    }
}

/// A thread that waits for jobs.
///
/// Dropping it waits for the end of the job, as [`Worker::finish`] does.
pub(super) struct Worker<T: Send + Unpin + 'static> {
    shared: Arc<Shared<T>>,
    /// Joined after `Worker::drop` has told it to end.
    _thread: Thread,
}

impl<T: Send + Unpin + 'static> Worker<T> {
    /// Starts a thread called `name/number` that does `body` for each job.
    ///
    /// # Errors
    ///
    /// Those of [`Thread::spawn`].
    pub(super) fn spawn(name: &CStr, number: u32, body: fn(T)) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                order <- new_spinlock!(Order::Rest, "Worker::order"),
                ordered <- Event::new(),
                rested <- Event::new(),
                body,
            }),
            GFP_KERNEL,
        )?;
        let thread = Thread::spawn(name, number, shared.clone(), Shared::run)?;
        Ok(Self {
            shared,
            _thread: thread,
        })
    }

    /// Gives the thread a job. Neither sleeps nor allocates.
    ///
    /// The caller has waited with [`Worker::finish`] for the end of the last one.
    pub(super) fn start(&self, job: T) {
        let before = core::mem::replace(&mut *self.shared.order.lock(), Order::Work(job));
        debug_assert!(matches!(before, Order::Rest));
        self.shared.ordered.signal();
        // Not under the lock.
        drop(before);
    }

    /// Waits until the thread has no job. It does not tell the job to end; the caller has done that.
    pub(super) fn finish(&self) {
        while !matches!(*self.shared.order.lock(), Order::Rest) {
            self.shared.rested.wait(None);
        }
    }
}

impl<T: Send + Unpin + 'static> Drop for Worker<T> {
    fn drop(&mut self) {
        self.finish();
        *self.shared.order.lock() = Order::End;
        self.shared.ordered.signal();
    }
}
