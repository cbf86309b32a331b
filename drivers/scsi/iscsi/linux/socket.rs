// SPDX-License-Identifier: GPL-2.0

//! TCP sockets of the kernel.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::{
    bindings,
    bvec::BioVec, //
};
use core::{
    mem::MaybeUninit,
    net::{
        IpAddr,
        Ipv4Addr,
        Ipv6Addr, //
    },
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    time::Msecs, //
};

/// An address to connect to, or the address of an end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SockAddr {
    /// The address.
    pub(crate) ip: IpAddr,
    /// The interface index of a link-local IPv6 address; 0 is none.
    pub(crate) scope_id: u32,
    /// The port.
    pub(crate) port: u16,
}

/// What is sent together with the bytes of one [`Socket::send`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum More {
    /// More bytes follow at once: the last packet need not leave half full.
    Follows,
    /// Nothing follows for now.
    Nothing,
}

/// How the pages given to [`Socket::send`] are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Payload {
    /// The bytes are copied; the pages may change when the call returns.
    Copied,
    /// The pages themselves go into the packets, and stay there until the peer has acknowledged
    /// them.
    Spliced,
}

/// A TCP socket.
///
/// All methods may be called from any thread; one thread at a time should send, and one receive.
///
/// # Invariants
///
/// The pointer is a socket made by `sock_create_kern`, released by the drop only.
pub(crate) struct Socket(NonNull<bindings::socket>);

// SAFETY: A socket is used under the lock of its `struct sock`, from any thread.
unsafe impl Send for Socket {}

// SAFETY: As above.
unsafe impl Sync for Socket {}

impl Socket {
    /// Makes a TCP socket for the family of `peer` in the initial network namespace.
    ///
    /// The socket is fit for the path of memory reclaim: it allocates with `GFP_NOIO`, may use the
    /// reserves, and does not use the page fragment of the task. It does not wait to fill packets
    /// (`TCP_NODELAY`): the sender says with [`More`] what belongs together.
    ///
    /// # Errors
    ///
    /// Those of `sock_create_kern`: `EAFNOSUPPORT`, `ENOMEM`, `ENFILE`.
    pub(crate) fn new(peer: &SockAddr) -> Result<Self> {
        let family = match peer.ip {
            IpAddr::V4(_) => bindings::AF_INET,
            IpAddr::V6(_) => bindings::AF_INET6,
        };
        let mut sock = null_mut();
        // SAFETY: `init_net` always exists; `sock` is a place for the result.
        to_result(unsafe {
            bindings::sock_create_kern(
                &raw mut bindings::init_net,
                family as c_int,
                bindings::sock_type_SOCK_STREAM as c_int,
                bindings::IPPROTO_TCP as c_int,
                &mut sock,
            )
        })?;
        let sock = NonNull::new(sock).ok_or(ENOMEM)?;
        // SAFETY: The socket is new and nobody else knows it.
        unsafe { bindings::iscsi_helper_sock_for_storage(sock.as_ptr()) };
        // INVARIANT: Made above.
        Ok(Self(sock))
    }

    /// The `struct sock` behind the socket, which stays the same while the socket exists.
    pub(super) fn sk(&self) -> *mut bindings::sock {
        // SAFETY: By the type invariant the socket exists; `sk` does not change while it does.
        unsafe { (*self.0.as_ptr()).sk }
    }

    /// Connects to `peer`, within the time of [`Socket::set_send_timeout`].
    ///
    /// # Context
    ///
    /// Sleeps. [`Socket::shutdown`] from another thread ends it early, or keeps it from beginning.
    ///
    /// # Errors
    ///
    /// Those of connect(2); `EINPROGRESS` if the time was over, `ESHUTDOWN` after a shutdown.
    pub(crate) fn connect(&self, peer: &SockAddr) -> Result {
        let done = match peer.ip {
            IpAddr::V4(ip) => {
                let mut addr = bindings::sockaddr_in {
                    sin_family: bindings::AF_INET as u16,
                    sin_port: peer.port.to_be(),
                    ..Default::default()
                };
                addr.sin_addr.s_addr = u32::from_ne_bytes(ip.octets());
                // SAFETY: The address and its length belong together.
                unsafe {
                    bindings::iscsi_helper_connect(
                        self.0.as_ptr(),
                        (&raw mut addr).cast(),
                        size_of_val(&addr) as c_int,
                    )
                }
            }
            IpAddr::V6(ip) => {
                let mut addr = bindings::sockaddr_in6 {
                    sin6_family: bindings::AF_INET6 as u16,
                    sin6_port: peer.port.to_be(),
                    sin6_scope_id: peer.scope_id,
                    ..Default::default()
                };
                addr.sin6_addr.in6_u.u6_addr8 = ip.octets();
                // SAFETY: The address and its length belong together.
                unsafe {
                    bindings::iscsi_helper_connect(
                        self.0.as_ptr(),
                        (&raw mut addr).cast(),
                        size_of_val(&addr) as c_int,
                    )
                }
            }
        };
        to_result(done)
    }

    /// Sets how long a send or a connect may wait, in milliseconds; 0 is for ever.
    pub(crate) fn set_send_timeout(&self, ms: Msecs) {
        // SAFETY: By the type invariant the socket exists.
        unsafe { bindings::iscsi_helper_sock_set_sndtimeo(self.sk(), ms) };
    }

    /// Sets how long a receive may wait, in milliseconds; 0 is for ever.
    pub(crate) fn set_recv_timeout(&self, ms: Msecs) {
        // SAFETY: By the type invariant the socket exists.
        unsafe { bindings::iscsi_helper_sock_set_rcvtimeo(self.sk(), ms) };
    }

    /// Ends the connection in both directions.
    ///
    /// Threads that sleep in a call on this socket come back from it; later calls fail.
    ///
    /// # Context
    ///
    /// Sleeps shortly (takes the lock of the socket).
    pub(crate) fn shutdown(&self) {
        // SAFETY: By the type invariant the socket exists. An error says that it was not connected,
        // which is what is wanted.
        unsafe {
            bindings::kernel_sock_shutdown(self.0.as_ptr(), bindings::sock_shutdown_cmd_SHUT_RDWR)
        };
    }

    /// Ends the connection at once and forgets what was to be sent: after this no packet holds a
    /// page that was spliced into it.
    ///
    /// # Context
    ///
    /// Sleeps shortly (takes the lock of the socket).
    pub(crate) fn abort(&self) {
        let mut nobody = bindings::sockaddr {
            sa_family: bindings::AF_UNSPEC as u16,
            ..Default::default()
        };
        // SAFETY: The address and its length belong together. Connecting to no family is how a
        // connection is dissolved; it cannot fail for TCP.
        unsafe {
            bindings::kernel_connect(
                self.0.as_ptr(),
                (&raw mut nobody).cast(),
                size_of_val(&nobody) as c_int,
                0,
            )
        };
    }

    /// The address of this end.
    pub(crate) fn local_addr(&self) -> Result<SockAddr> {
        let mut addr = MaybeUninit::<bindings::__kernel_sockaddr_storage>::zeroed();
        // SAFETY: The place is large enough for the address of any family.
        let len =
            unsafe { bindings::kernel_getsockname(self.0.as_ptr(), addr.as_mut_ptr().cast()) };
        if len < 0 {
            return Err(Error::from_errno(len));
        }
        // SAFETY: The place was zeroed, and zeroes are a valid `sockaddr_storage`.
        let addr = unsafe { addr.assume_init() };
        let addr: *const bindings::__kernel_sockaddr_storage = &addr;
        // SAFETY: Each address of a family begins with the family.
        let family = unsafe { *addr.cast::<u16>() };
        match u32::from(family) {
            bindings::AF_INET => {
                // SAFETY: The family says which type it is.
                let v4 = unsafe { &*addr.cast::<bindings::sockaddr_in>() };
                Ok(SockAddr {
                    ip: IpAddr::V4(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes())),
                    scope_id: 0,
                    port: u16::from_be(v4.sin_port),
                })
            }
            bindings::AF_INET6 => {
                // SAFETY: The family says which type it is.
                let v6 = unsafe { &*addr.cast::<bindings::sockaddr_in6>() };
                // SAFETY: All views of the union are plain bytes.
                let octets = unsafe { v6.sin6_addr.in6_u.u6_addr8 };
                Ok(SockAddr {
                    ip: IpAddr::V6(Ipv6Addr::from(octets)),
                    scope_id: v6.sin6_scope_id,
                    port: u16::from_be(v6.sin6_port),
                })
            }
            _ => Err(EAFNOSUPPORT),
        }
    }

    /// Whether `bytes` bytes of memory can be sent without a wait: what TCP counts is the memory of
    /// packets rather than what they carry, and the bytes that it has not sent yet.
    pub(crate) fn has_room(&self, bytes: u32) -> bool {
        // SAFETY: By the type invariant the socket exists.
        unsafe { bindings::iscsi_helper_sock_has_room(self.sk(), bytes) }
    }

    /// Sends all bytes of `pieces`.
    ///
    /// # Context
    ///
    /// Sleeps until the bytes are in the socket.
    ///
    /// # Errors
    ///
    /// Those of sendmsg(2), `EPIPE` after the connection has ended. How much went out before is not
    /// told: after an error the connection is of no use.
    pub(crate) fn send(&self, pieces: &[BioVec], payload: Payload, more: More) -> Result {
        let mut flags = bindings::MSG_NOSIGNAL;
        if payload == Payload::Spliced {
            flags |= bindings::MSG_SPLICE_PAGES;
        }
        if more == More::Follows {
            flags |= bindings::MSG_MORE;
        }
        let len: usize = pieces.iter().map(BioVec::len).sum();
        let mut msg = bindings::msghdr::default();
        // SAFETY: `BioVec` is a transparent wrapper of `bio_vec`, `pieces` outlives `msg`, and
        // `len` is the number of its bytes.
        unsafe {
            bindings::iov_iter_bvec(
                &mut msg.msg_iter,
                bindings::ITER_SOURCE,
                pieces.as_ptr().cast(),
                pieces.len(),
                len,
            )
        };
        // SAFETY: The iterator has just been set up, over `pieces`, which outlive the call.
        unsafe { self.send_msg(&mut msg, len, flags) }
    }

    /// Sends the `len` bytes that the iterator of `msg` stands for.
    ///
    /// # Safety
    ///
    /// `msg.msg_iter` is an `ITER_SOURCE` over at least `len` bytes that may be read until the
    /// call returns, or, with `MSG_SPLICE_PAGES`, as [`Socket::send`] says.
    unsafe fn send_msg(&self, msg: &mut bindings::msghdr, len: usize, flags: u32) -> Result {
        let mut left = len;
        while left > 0 {
            // `sock_sendmsg` leaves flags of its own behind.
            msg.msg_flags = flags;
            // SAFETY: The socket exists by the type invariant; the iterator is what the caller
            // vouches for, and each call leaves it behind the bytes it has taken.
            let sent = unsafe { bindings::sock_sendmsg(self.0.as_ptr(), msg) };
            if sent <= 0 {
                return Err(if sent == 0 {
                    EPIPE
                } else {
                    Error::from_errno(sent)
                });
            }
            left = left.saturating_sub(sent as usize);
        }
        Ok(())
    }

    /// Receives into `pieces` until they are full.
    ///
    /// # Context
    ///
    /// Sleeps until all bytes have come, the time of [`Socket::set_recv_timeout`] is over, or the
    /// connection has ended.
    ///
    /// # Errors
    ///
    /// `ECONNRESET` if the peer has closed the connection, `EAGAIN` if the time was over, else
    /// those of recvmsg(2).
    pub(crate) fn recv(&self, pieces: &[BioVec]) -> Result {
        let len: usize = pieces.iter().map(BioVec::len).sum();
        let mut msg = bindings::msghdr::default();
        // SAFETY: As in `send`, with the direction turned round: whoever made a `BioVec` for
        // receiving vouches that its bytes may be written.
        unsafe {
            bindings::iov_iter_bvec(
                &mut msg.msg_iter,
                bindings::ITER_DEST,
                pieces.as_ptr().cast(),
                pieces.len(),
                len,
            )
        };
        self.recv_msg(&mut msg, len, bindings::MSG_WAITALL)
    }

    /// Receives into `buf` until it is full; as [`Socket::recv`].
    pub(crate) fn recv_into(&self, buf: &mut [u8]) -> Result {
        let mut vec = bindings::kvec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        let mut msg = bindings::msghdr::default();
        // SAFETY: `vec` describes `buf`, which is ours to write and outlives `msg`.
        unsafe {
            bindings::iov_iter_kvec(
                &mut msg.msg_iter,
                bindings::ITER_DEST,
                &raw mut vec,
                1,
                buf.len(),
            )
        };
        self.recv_msg(&mut msg, buf.len(), bindings::MSG_WAITALL)
    }

    /// Receives into `buf` until it is full or `limit` says that the time is over, whatever comes until
    /// then. `limit` is asked for what is left, in milliseconds and not 0.
    ///
    /// # Context
    ///
    /// As [`Socket::recv`]; leaves the time of [`Socket::set_recv_timeout`] changed.
    ///
    /// # Errors
    ///
    /// That of `limit`, or what `lost` makes of those of [`Socket::recv`].
    pub(crate) fn recv_until<E>(
        &self,
        buf: &mut [u8],
        limit: impl Fn() -> Result<Msecs, E>,
        lost: impl Fn(Error) -> E,
    ) -> Result<(), E> {
        let mut vec = bindings::kvec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        let mut msg = bindings::msghdr::default();
        // SAFETY: `vec` describes `buf`, which is ours to write and outlives `msg`.
        unsafe {
            bindings::iov_iter_kvec(
                &mut msg.msg_iter,
                bindings::ITER_DEST,
                &raw mut vec,
                1,
                buf.len(),
            )
        };
        let mut left = buf.len();
        while left > 0 {
            self.set_recv_timeout(limit()?);
            match self.recv_once(&mut msg, bindings::MSG_WAITALL) {
                Ok(got) => left = left.saturating_sub(got),
                Err(error) if error == EAGAIN => (),
                Err(error) => return Err(lost(error)),
            }
        }
        Ok(())
    }

    fn recv_msg(&self, msg: &mut bindings::msghdr, len: usize, flags: u32) -> Result {
        let mut left = len;
        while left > 0 {
            left = left.saturating_sub(self.recv_once(msg, flags)?);
        }
        Ok(())
    }

    /// One recvmsg(2): how many bytes came, at least one. The iterator of `msg` has been set up.
    fn recv_once(&self, msg: &mut bindings::msghdr, flags: u32) -> Result<usize> {
        // SAFETY: The socket exists by the type invariant; the iterator of `msg` was set up by the
        // callers, and each call leaves it behind the bytes received.
        match unsafe { bindings::sock_recvmsg(self.0.as_ptr(), msg, flags as c_int) } {
            0 => Err(ECONNRESET),
            got if got < 0 => Err(Error::from_errno(got)),
            got => Ok(got as usize),
        }
    }

    /// Sends all bytes of `buf`, which are copied; as [`Socket::send`].
    pub(crate) fn send_from(&self, buf: &[u8], more: More) -> Result {
        let mut flags = bindings::MSG_NOSIGNAL;
        if more == More::Follows {
            flags |= bindings::MSG_MORE;
        }
        let mut vec = bindings::kvec {
            iov_base: buf.as_ptr().cast_mut().cast(),
            iov_len: buf.len(),
        };
        let mut msg = bindings::msghdr::default();
        // SAFETY: `vec` describes `buf`, which is only read by a send and outlives `msg`.
        unsafe {
            bindings::iov_iter_kvec(
                &mut msg.msg_iter,
                bindings::ITER_SOURCE,
                &raw mut vec,
                1,
                buf.len(),
            )
        };
        // SAFETY: The iterator has just been set up, over `buf`, which outlives the call.
        unsafe { self.send_msg(&mut msg, buf.len(), flags) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the socket is released here only, and nobody uses it any
        // more, as that would take a reference to `self`.
        unsafe { bindings::sock_release(self.0.as_ptr()) };
    }
}
