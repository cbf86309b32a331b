// SPDX-License-Identifier: GPL-2.0

//! What leaves: messages and the attributes in them.

use super::super::bindings;
use super::{
    while_registered,
    Refusal,
    GROUP_EVENTS, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    net::netlink::GENLMSG_DEFAULT_SIZE,
    prelude::*, //
};

/// There is no room for the attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// A message of the family under construction, to be sent once.
///
/// Dropping it frees it unsent.
///
/// # Invariants
///
/// `skb` is ours alone and has one generic netlink message begun in it, whose payload starts at
/// `header`.
pub(crate) struct Message {
    skb: NonNull<bindings::sk_buff>,
    header: NonNull<c_void>,
}

impl Message {
    /// Starts a message to `port`.
    pub(super) fn new(
        command: u8,
        port: u32,
        sequence: u32,
        gfp: bindings::gfp_t,
    ) -> Result<Self, Refusal> {
        let no_memory = || Refusal::new(ENOMEM, format_args!("insufficient memory"));
        // SAFETY: Any size and flags will do.
        let skb = unsafe { bindings::iscsi_helper_genlmsg_new(GENLMSG_DEFAULT_SIZE, gfp) };
        let skb = NonNull::new(skb).ok_or_else(no_memory)?;
        // SAFETY: The buffer is new and empty, the family a static of this module.
        let header = unsafe {
            bindings::genlmsg_put(
                skb.as_ptr(),
                port,
                sequence,
                &raw const bindings::iscsi_nl_family,
                0,
                command,
            )
        };
        match NonNull::new(header) {
            // INVARIANT: The message was begun just now, in a buffer that nobody else has.
            Some(header) => Ok(Self { skb, header }),
            None => {
                // SAFETY: The buffer is ours.
                unsafe { bindings::iscsi_helper_nlmsg_free(skb.as_ptr()) };
                Err(no_memory())
            }
        }
    }

    /// Starts an event, unless nobody listens.
    ///
    /// # Context
    ///
    /// Sleeps, but not for memory: when that is short the event is lost, rather than recovery
    /// delayed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn event(command: u8) -> Result<Option<Self>, Refusal> {
        let heard = while_registered(|| {
            // SAFETY: Both are statics, and the family is registered. The core looks at its table
            // of listeners under RCU.
            unsafe {
                bindings::iscsi_helper_genl_has_listeners(
                    &raw const bindings::iscsi_nl_family,
                    &raw mut bindings::init_net,
                    GROUP_EVENTS,
                )
            }
        });
        if heard != Some(true) {
            return Ok(None);
        }
        Self::new(command, 0, 0, bindings::GFP_NOWAIT).map(Some)
    }

    /// Where the attributes go.
    pub(crate) fn writer(&mut self) -> Writer<'_> {
        // INVARIANT: By our own invariant a message is begun, and we are borrowed.
        Writer {
            skb: self.skb,
            message: PhantomData,
        }
    }

    /// Sends the event to all listeners in the initial network namespace. Those in others would be
    /// checked for a capability over their own namespace only.
    ///
    /// # Context
    ///
    /// As [`event`](Self::event).
    ///
    /// # Errors
    ///
    /// `ENODEV` without a family, `ESRCH` if nobody listens, `ENOBUFS` if a listener missed it.
    pub(crate) fn multicast(self) -> Result {
        let send = || {
            let skb = self.finish();
            // SAFETY: The message is complete, and the buffer goes over to the core, whatever it
            // returns. The family is registered; `init_net`, in which the core sends, lives
            // forever.
            to_result(unsafe {
                bindings::iscsi_helper_genlmsg_multicast(
                    &raw const bindings::iscsi_nl_family,
                    skb.as_ptr(),
                    0,
                    GROUP_EVENTS,
                    bindings::GFP_NOWAIT,
                )
            })
        };
        while_registered(send).unwrap_or(Err(ENODEV))
    }

    /// Sends the message to who asked.
    pub(super) fn reply(self, info: &mut bindings::genl_info) -> Result {
        let skb = self.finish();
        // SAFETY: The message is complete, and the buffer goes over to the core, whatever it
        // returns; `info` is a reference.
        to_result(unsafe { bindings::iscsi_helper_genlmsg_reply(skb.as_ptr(), info) })
    }

    /// Completes the message and hands its buffer over to the caller.
    fn finish(self) -> NonNull<bindings::sk_buff> {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant the message was begun in this buffer.
        unsafe { bindings::iscsi_helper_genlmsg_end(this.skb.as_ptr(), this.header.as_ptr()) };
        this.skb
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: The buffer is ours alone by the type invariant.
        unsafe { bindings::iscsi_helper_nlmsg_free(self.skb.as_ptr()) };
    }
}

/// Puts attributes into a message.
///
/// # Invariants
///
/// A message is begun in `skb` and nobody else uses the buffer while this value lives.
pub(crate) struct Writer<'a> {
    skb: NonNull<bindings::sk_buff>,
    message: PhantomData<&'a mut Message>,
}

impl Writer<'_> {
    /// Writes to a buffer.
    ///
    /// # Safety
    ///
    /// A message is begun in `skb` and nobody else uses the buffer while the value lives.
    pub(super) unsafe fn from_raw(skb: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: By the contract of this function.
        Self {
            skb,
            message: PhantomData,
        }
    }

    /// Puts bytes.
    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) -> Result<(), Full> {
        let len = c_int::try_from(value.len()).map_err(|_| Full)?;
        if value.len() > usize::from(u16::MAX) - size_of::<bindings::nlattr>() {
            return Err(Full);
        }
        // SAFETY: The buffer is ours to write by the type invariant, the value is there for its
        // length, which with the header fits the 16 bits that hold it.
        to_result(unsafe {
            bindings::nla_put(
                self.skb.as_ptr(),
                c_int::from(kind),
                len,
                value.as_ptr().cast(),
            )
        })
        .map_err(|_| Full)
    }

    /// Puts text, up to a zero in it, and ends it with one.
    pub(crate) fn str(&mut self, kind: u16, value: &str) -> Result<(), Full> {
        let text = value.split('\0').next().unwrap_or_default().as_bytes();
        let len = c_int::try_from(text.len().saturating_add(1)).map_err(|_| Full)?;
        if text.len() >= usize::from(u16::MAX) - size_of::<bindings::nlattr>() {
            return Err(Full);
        }
        // SAFETY: The buffer is ours to write by the type invariant; the length with the header
        // fits the 16 bits that hold it, and memory for `len` bytes comes from the core.
        let attr = unsafe { bindings::nla_reserve(self.skb.as_ptr(), c_int::from(kind), len) };
        let attr = NonNull::new(attr).ok_or(Full)?;
        // SAFETY: The value stands right behind the header, in the memory reserved.
        let to = unsafe { attr.add(1) }.cast::<u8>();
        // SAFETY: `len` bytes are reserved there, one more than the text has; the text is not
        // part of the new buffer.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        // SAFETY: It is the last of the `len` bytes.
        unsafe { to.add(text.len()).write(0) };
        Ok(())
    }

    /// Puts a number of 8 bits.
    pub(crate) fn u8(&mut self, kind: u16, value: u8) -> Result<(), Full> {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Puts a number of 16 bits.
    pub(crate) fn u16(&mut self, kind: u16, value: u16) -> Result<(), Full> {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Puts a number of 32 bits.
    pub(crate) fn u32(&mut self, kind: u16, value: u32) -> Result<(), Full> {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Puts a number of the type `uint`, in as many bytes as it needs: 4 or 8.
    pub(crate) fn uint(&mut self, kind: u16, value: u64) -> Result<(), Full> {
        match u32::try_from(value) {
            Ok(small) => self.u32(kind, small),
            Err(_) => self.bytes(kind, &value.to_ne_bytes()),
        }
    }

    /// Puts a flag.
    pub(crate) fn flag(&mut self, kind: u16) -> Result<(), Full> {
        self.bytes(kind, &[])
    }

    /// Puts attributes into an attribute; none of them if there is no room for all.
    pub(crate) fn nest(
        &mut self,
        kind: u16,
        fill: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        // SAFETY: The buffer is ours to write by the type invariant.
        let start =
            unsafe { bindings::iscsi_helper_nla_nest_start(self.skb.as_ptr(), c_int::from(kind)) };
        let start = NonNull::new(start).ok_or(Full)?;
        let filled = fill(self).and_then(|()| {
            // SAFETY: `start` was begun in this buffer, and what `fill` began in it is ended,
            // because nests are made by this function only.
            let len =
                unsafe { bindings::iscsi_helper_nla_nest_end(self.skb.as_ptr(), start.as_ptr()) };
            if len < 0 {
                return Err(Full);
            }
            Ok(())
        });
        if filled.is_err() {
            // SAFETY: As above; what is cut off is referred to by nobody.
            unsafe { bindings::iscsi_helper_nla_nest_cancel(self.skb.as_ptr(), start.as_ptr()) };
        }
        filled
    }
}
