// SPDX-License-Identifier: GPL-2.0

//! What happens when bytes arrive at a socket: they are taken at once, in the softirq that brings
//! them, or wake a thread, once there are as many as it needs.
//!
//! C header: [`include/net/tcp.h`](srctree/include/net/tcp.h)

use super::{
    bindings,
    bvec::BioVec,
    socket::Socket, //
};
use core::marker::PhantomData;
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// What has to come before there is something to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The thread has to look at what there is.
    Wake,
    /// Nothing, until this many bytes are there.
    Bytes(u32),
}

/// Who takes bytes as they arrive.
pub(crate) trait Taker: Sync {
    /// Whether it may take what a thread finds that sends over this socket: what has come meanwhile
    /// is handled when the thread lets go of the lock.
    fn may_take_in_sender(&self) -> bool;

    /// Takes what it can of the bytes that have arrived, while the thread waits in
    /// [`Arrivals::wait`].
    ///
    /// # Context
    ///
    /// A softirq, or a thread with softirqs off, with the lock of the socket held: may not sleep, nor
    /// call the socket other than by `arrived`.
    fn take(&self, arrived: &mut Arrived<'_>) -> Next;
}

/// A thread that waits for many bytes is woken when half a small window has come, so that the other
/// half can come while it copies; or as many as the peer sends without an acknowledgement, which
/// reading brings.
const WAKE_BYTES: u32 = 64 * 1024;

/// How far a target on this machine may send ahead, in bytes: the largest packet that TCP makes.
///
/// There is no network between that more would fill. TCP's tuning lets the window grow for as long as
/// the reader is slower than the sender, which only moves the sender's queue into our memory, in the
/// pieces that it was pushed in (LIO: each page by itself), each with the cost of a packet. A sender
/// that has to wait puts them together; its segments are at most half of the window.
const LOCAL_WINDOW: u32 = 64 * 1024;

/// Bytes that were taken are left to TCP until there are this many, or as many as the peer sends
/// without an acknowledgement: giving them back costs one.
const KEPT_BYTES: u32 = 32 * 1024;

/// Or this many, if all has been acknowledged with a request: then that costs nothing, but the window
/// gets wider, of which TCP tells the peer when the next segments come.
const ACKNOWLEDGED_BYTES: u32 = KEPT_BYTES / 4 * 3;

/// The arrivals of a socket, while a thread receives from it.
///
/// All fields are used under the lock of the socket, but for the writes of the thread to `until` and
/// `end`, of which a stale value only wakes it too often.
pub(crate) struct Arrivals<'a, T: Taker> {
    socket: &'a Socket,
    taker: &'a T,
    /// What the socket did before.
    saved: unsafe extern "C" fn(*mut bindings::sock),
    /// 1 while the thread is between two PDUs, and bytes are for the taker.
    waiting: Atomic<i32>,
    /// Bytes that the taker has taken, and TCP has not been told of.
    taken: Atomic<u32>,
    /// The thread sleeps until the bytes before this sequence number are there.
    until: Atomic<u32>,
    /// And it sleeps again until this one.
    end: Atomic<u32>,
    /// The peer may send so many bytes ahead, if it is bounded.
    window: Option<u32>,
    /// The widest window that the peer has seen, in bytes.
    widest: Atomic<u32>,
    /// How far TCP had received at the last call.
    seen: Atomic<u32>,
}

impl<T: Taker> Arrivals<'_, T> {
    /// Calls `body` with the arrivals of `socket`, which go to `taker` meanwhile.
    ///
    /// # Context
    ///
    /// Sleeps shortly (takes the lock of the socket). One thread at a time may do this to a socket.
    pub(crate) fn with<R>(
        socket: &Socket,
        taker: &T,
        body: impl FnOnce(&Arrivals<'_, T>) -> R,
    ) -> R {
        let sk = socket.sk();
        // SAFETY: The socket exists as long as `socket`.
        let is_local = unsafe { bindings::iscsi_helper_sock_is_local(sk) };
        if is_local {
            // SAFETY: As above.
            unsafe { bindings::iscsi_helper_tcp_bound_window(sk, LOCAL_WINDOW) };
        }
        // SAFETY: As above; nobody else replaces its callback.
        let saved = unsafe { bindings::iscsi_helper_sock_data_ready(sk) };
        let arrivals = Arrivals {
            socket,
            taker,
            // A socket always has one.
            saved: saved.unwrap_or(ignore),
            waiting: Atomic::new(0),
            taken: Atomic::new(0),
            until: Atomic::new(0),
            end: Atomic::new(0),
            window: is_local.then_some(LOCAL_WINDOW),
            widest: Atomic::new(0),
            seen: Atomic::new(0),
        };
        // SAFETY: `arrivals` stays where it is until the callback is taken back below, and `T` is
        // that of its type.
        unsafe {
            bindings::iscsi_helper_sock_set_data_ready(
                sk,
                Some(data_ready::<T>),
                (&raw const arrivals).cast_mut().cast(),
            )
        };
        let result = body(&arrivals);
        // SAFETY: This waits for a callback that runs, and none comes after it: `arrivals` may go.
        unsafe { bindings::iscsi_helper_sock_set_data_ready(sk, saved, core::ptr::null_mut()) };
        arrivals.locked(|| arrivals.settle());
        result
    }

    /// Calls `f` with the lock of the socket held.
    fn locked<R>(&self, f: impl FnOnce() -> R) -> R {
        let sk = self.socket.sk();
        // SAFETY: The socket exists as long as `self.socket`.
        unsafe { bindings::iscsi_helper_lock_sock(sk) };
        let result = f();
        // SAFETY: Locked above.
        unsafe { bindings::release_sock(sk) };
        result
    }

    /// Waits until there is something that the taker does not take, the connection has ended or was
    /// shut down.
    ///
    /// # Context
    ///
    /// The thread that receives; sleeps.
    pub(crate) fn wait(&self) {
        let sk = self.socket.sk();
        let wake = self.locked(|| {
            self.settle();
            self.waiting.store(1, Relaxed);
            // SAFETY: Balanced below. The taker expects it, and what it raises runs then.
            unsafe { bindings::iscsi_helper_local_bh_disable() };
            let wake = self.take();
            // SAFETY: Disabled above.
            unsafe { bindings::iscsi_helper_local_bh_enable() };
            wake
        });
        if !wake {
            // SAFETY: The socket exists as long as `self.socket`, and the flag as long as `self`.
            unsafe {
                bindings::iscsi_helper_sock_wait(sk, (&raw const self.waiting).cast_mut().cast())
            };
        }
        if self.waiting.load(Relaxed) != 0 {
            self.locked(|| self.stop_waiting());
        }
    }

    /// Notes that the thread is about to receive `len` bytes.
    pub(crate) fn announce(&self, len: u32) {
        // SAFETY: The socket exists as long as `self.socket`. Only this thread moves the number now.
        let start = unsafe { bindings::iscsi_helper_tcp_copied_seq(self.socket.sk()) };
        self.end.store(start.wrapping_add(len), Relaxed);
        self.until
            .store(start.wrapping_add(len.min(self.stretch())), Relaxed);
    }

    /// Bytes are there; whether the thread has to be woken. With the lock of the socket held.
    fn arrived(&self) -> bool {
        let sk = self.socket.sk();
        // SAFETY: The socket exists as long as `self.socket`.
        let have = unsafe { bindings::iscsi_helper_tcp_rcv_nxt(sk) };
        if let Some(window) = self.window {
            // SAFETY: As above, and it is locked by the caller.
            unsafe { bindings::iscsi_helper_tcp_fit_buffer(sk, window) };
        }
        // SAFETY: As above, and it is locked by the caller.
        let lacks_memory = unsafe { bindings::iscsi_helper_tcp_is_starved(sk) };
        // As a call without new bytes, this says that there is no memory for them: what there is must
        // be read, as only an empty queue makes TCP use its reserve (`tcp_data_queue`).
        let is_starved = lacks_memory || self.seen.load(Relaxed) == have;
        self.seen.store(have, Relaxed);
        if self.waiting.load(Relaxed) != 0 {
            // SAFETY: Asks where this runs.
            let is_sender = || !unsafe { bindings::iscsi_helper_in_softirq() };
            if !self.taker.may_take_in_sender() && is_sender() {
                self.stop_waiting();
                return true;
            }
            let wake = self.take();
            if is_starved && !wake {
                self.stop_waiting();
            }
            return wake || is_starved;
        }
        let missing = self.until.load(Relaxed).wrapping_sub(have);
        if is_positive(missing) && !is_starved && !self.is_stuck(missing) {
            return false;
        }
        let rest = self.end.load(Relaxed).wrapping_sub(have);
        if is_positive(rest) {
            self.until
                .store(have.wrapping_add(rest.min(self.stretch())), Relaxed);
        }
        true
    }

    /// For how many bytes the thread sleeps at a time.
    fn stretch(&self) -> u32 {
        // SAFETY: The socket exists as long as `self.socket`.
        unsafe { bindings::iscsi_helper_tcp_burst(self.socket.sk()) }.min(WAKE_BYTES)
    }

    /// Lets the taker take; whether the thread has to look. With the lock of the socket held.
    fn take(&self) -> bool {
        let sk = self.socket.sk();
        // SAFETY: The socket exists as long as `self.socket`, and is locked by the caller.
        let is_acknowledged = || unsafe { bindings::iscsi_helper_tcp_is_acknowledged(sk) };
        if self.taken.load(Relaxed) >= ACKNOWLEDGED_BYTES && is_acknowledged() {
            self.settle();
        }
        let mut arrived = Arrived {
            sk,
            taken: self.taken.load(Relaxed),
            _socket: PhantomData,
        };
        let next = self.taker.take(&mut arrived);
        let here = arrived.len();
        self.taken.store(arrived.taken, Relaxed);
        let goes_on = match next {
            Next::Bytes(needed) if needed > here => {
                let missing = needed - here;
                !self.is_stuck(missing) || self.settle() && !self.is_stuck(missing)
            }
            _ => false,
        };
        if !goes_on {
            self.stop_waiting();
        }
        !goes_on
    }

    fn stop_waiting(&self) {
        self.settle();
        // SAFETY: The socket exists as long as `self.socket`.
        let start = unsafe { bindings::iscsi_helper_tcp_copied_seq(self.socket.sk()) };
        // What stands there from long ago may look as if it were ahead.
        self.end.store(start, Relaxed);
        self.until.store(start, Relaxed);
        self.waiting.store(0, Relaxed);
    }

    /// Tells TCP of what was taken, if anything. With the lock of the socket held.
    fn settle(&self) -> bool {
        let taken = self.taken.load(Relaxed);
        if taken == 0 {
            return false;
        }
        self.taken.store(0, Relaxed);
        // SAFETY: The socket exists as long as `self.socket`, and is locked by the caller.
        unsafe { bindings::tcp_read_done(self.socket.sk(), taken as usize) };
        true
    }

    /// Whether the target cannot send `missing` more bytes before some are read: it has not been
    /// allowed to, or there would be no room for them.
    fn is_stuck(&self, missing: u32) -> bool {
        let mut widest = self.widest.load(Relaxed);
        // SAFETY: The socket exists as long as `self.socket`, and is locked by the caller.
        let room = unsafe { bindings::iscsi_helper_tcp_room(self.socket.sk(), &mut widest) };
        self.widest.store(widest, Relaxed);
        missing > room
    }
}

/// Whether a difference of two sequence numbers says that the first is ahead.
fn is_positive(difference: u32) -> bool {
    difference as i32 > 0
}

/// Bytes that have arrived, during a call of the taker.
pub(crate) struct Arrived<'a> {
    sk: *mut bindings::sock,
    taken: u32,
    _socket: PhantomData<&'a Socket>,
}

impl Arrived<'_> {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> u32 {
        // SAFETY: The socket exists and is locked during the call that this value was made for.
        let all = unsafe { bindings::iscsi_helper_tcp_inq(self.sk) };
        all.saturating_sub(self.taken)
    }

    /// Copies the bytes from `offset` on; false if there are not so many.
    #[must_use]
    pub(crate) fn peek(&self, offset: u32, to: &mut [u8]) -> bool {
        // SAFETY: As in `len`; the place and its length are those of a slice.
        unsafe {
            bindings::iscsi_helper_tcp_peek(
                self.sk,
                self.taken.wrapping_add(offset),
                to.as_mut_ptr().cast(),
                to.len() as u32,
            )
        }
    }

    /// Copies the bytes from `offset` on to `pieces`; false if there are not so many.
    #[must_use]
    pub(crate) fn peek_into(&self, mut offset: u32, pieces: &[BioVec]) -> bool {
        pieces.iter().all(|piece| {
            let len = piece.len() as u32;
            // SAFETY: As in `len`; whoever made a `BioVec` for receiving vouches that its bytes may
            // be written.
            let done = piece.start().is_some_and(|start| unsafe {
                bindings::iscsi_helper_tcp_peek(
                    self.sk,
                    self.taken.wrapping_add(offset),
                    start.as_ptr().cast(),
                    len,
                )
            });
            offset = offset.wrapping_add(len);
            done
        })
    }

    /// Takes the first `len` bytes away.
    pub(crate) fn consume(&mut self, len: u32) {
        self.taken += len.min(self.len());
        // SAFETY: As in `len`.
        let burst = unsafe { bindings::iscsi_helper_tcp_burst(self.sk) };
        if self.taken >= burst.min(KEPT_BYTES) {
            // SAFETY: As in `len`; so many bytes are there.
            unsafe { bindings::tcp_read_done(self.sk, self.taken as usize) };
            self.taken = 0;
        }
    }
}

/// The `sk_data_ready` of a socket with arrivals of this type.
///
/// # Safety
///
/// Only for the socket of an [`Arrivals<T>`], called by TCP with the socket locked.
unsafe extern "C" fn data_ready<T: Taker>(sk: *mut bindings::sock) {
    // SAFETY: TCP calls with a socket that exists. This also turns softirqs off.
    let data = unsafe { bindings::iscsi_helper_sock_callback_lock(sk) };
    // SAFETY: By the contract it is the arrivals, or null once they are gone: `Arrivals::with` takes
    // them away under the lock taken above before they go.
    if let Some(arrivals) = unsafe { data.cast::<Arrivals<'_, T>>().as_ref() } {
        if arrivals.arrived() {
            // SAFETY: This is what TCP would have called.
            unsafe { (arrivals.saved)(sk) };
        }
    }
    // SAFETY: Locked above.
    unsafe { bindings::iscsi_helper_sock_callback_unlock(sk) };
}

/// For a socket without a callback.
unsafe extern "C" fn ignore(_sk: *mut bindings::sock) {}
