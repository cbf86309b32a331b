// SPDX-License-Identifier: GPL-2.0

//! Lists that may need more than one message.

use super::super::bindings;
use super::{
    Full,
    Refusal,
    Request,
    Writer, //
};
use core::{
    marker::PhantomData,
    ops::ControlFlow,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// Where a dump goes on; all zero at its start. What the numbers mean is up to the operation.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Cursor {
    /// Which of the lists that make up the dump.
    pub(crate) part: u32,
    /// A number in that list.
    pub(crate) id: u32,
    /// A number in what `id` stands for.
    pub(crate) index: u32,
}

// The core keeps the cursor for us, in this many bytes aligned for `long`.
const _: () = assert!(size_of::<Cursor>() <= bindings::NETLINK_CTX_SIZE as usize);
const _: () = assert!(align_of::<Cursor>() <= align_of::<c_long>());

/// A dump that goes on.
///
/// # Invariants
///
/// `skb` is the message to fill and `cb` the state of the dump; nobody else uses them during `'a`.
pub(crate) struct Dump<'a> {
    skb: NonNull<bindings::sk_buff>,
    cb: NonNull<bindings::netlink_callback>,
    command: u8,
    port: u32,
    sequence: u32,
    call: PhantomData<&'a mut ()>,
}

impl<'a> Dump<'a> {
    /// The port of the socket that dumps.
    ///
    /// # Safety
    ///
    /// `cb` is what the generic netlink core hands to a `dumpit`.
    pub(super) unsafe fn port(cb: *mut bindings::netlink_callback) -> u32 {
        // SAFETY: By the contract of this function the core has set up `cb->data` for the dump.
        let info = unsafe { bindings::iscsi_helper_genl_dumpit_info(cb) };
        // SAFETY: It stays until the dump is done.
        unsafe { (*info).info.snd_portid }
    }

    /// Goes on with a dump.
    ///
    /// # Safety
    ///
    /// `skb` and `cb` are what the generic netlink core hands to a `dumpit`, which returns after
    /// `'a`, and `request` is the one that started the dump.
    pub(super) unsafe fn from_raw(
        skb: *mut bindings::sk_buff,
        cb: *mut bindings::netlink_callback,
        request: &Request<'_>,
    ) -> Self {
        // INVARIANT: By the contract of this function.
        Self {
            // SAFETY: The core hands over no null.
            skb: unsafe { NonNull::new_unchecked(skb) },
            // SAFETY: As above.
            cb: unsafe { NonNull::new_unchecked(cb) },
            command: request.command(),
            port: request.port(),
            sequence: request.sequence(),
            call: PhantomData,
        }
    }

    /// Where to go on; what is left here counts for the next call.
    pub(crate) fn cursor(&mut self) -> &mut Cursor {
        // SAFETY: By the type invariant the callback is ours; `ctx` is the part of it that the
        // core leaves to the family, zeroed at the start of the dump. It holds a `Cursor`, for
        // which all bytes are fine, as asserted above, and lies at the place of an array of long.
        unsafe { &mut *(&raw mut (*self.cb.as_ptr()).__bindgen_anon_1).cast::<Cursor>() }
    }

    /// Says what state of the list the entries show. If it differs from that of the last call, the
    /// reader is told that the list is not consistent.
    pub(crate) fn generation(&mut self, generation: u32) {
        // To the core, 0 means unknown.
        // SAFETY: By the type invariant the callback is ours.
        unsafe { (*self.cb.as_ptr()).seq = generation | 0x8000_0000 };
    }

    /// Adds an entry, if there is room for it.
    ///
    /// `Break` means that there is none, that nothing was added, and that the entry has to be the
    /// first of the next call.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` if the entry is too large for any message.
    pub(crate) fn entry(
        &mut self,
        fill: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<ControlFlow<()>, Refusal> {
        // SAFETY: The buffer is ours by the type invariant, the family a static of this module.
        let header = unsafe {
            bindings::genlmsg_put(
                self.skb.as_ptr(),
                self.port,
                self.sequence,
                &raw const bindings::iscsi_nl_family,
                bindings::NLM_F_MULTI as c_int,
                self.command,
            )
        };
        let Some(header) = NonNull::new(header) else {
            return self.full();
        };
        // SAFETY: A message was begun in the buffer, which is ours by the type invariant and is
        // borrowed through `self`.
        let mut writer = unsafe { Writer::from_raw(self.skb) };
        if fill(&mut writer).is_err() {
            // SAFETY: The message was begun in this buffer and not ended.
            unsafe { bindings::iscsi_helper_genlmsg_cancel(self.skb.as_ptr(), header.as_ptr()) };
            return self.full();
        }
        // SAFETY: The callback is ours, and `header` is a message in the buffer.
        unsafe {
            bindings::iscsi_helper_genl_dump_check_consistent(self.cb.as_ptr(), header.as_ptr())
        };
        // SAFETY: The message was begun in this buffer.
        unsafe { bindings::iscsi_helper_genlmsg_end(self.skb.as_ptr(), header.as_ptr()) };
        Ok(ControlFlow::Continue(()))
    }

    /// The bytes written, which is what a `dumpit` returns: 0 says that the dump is complete.
    pub(super) fn written(&self) -> c_int {
        // SAFETY: The buffer is ours by the type invariant.
        let len = unsafe { self.skb.as_ref() }.len;
        c_int::try_from(len).unwrap_or(c_int::MAX)
    }

    /// No room: fine if something was written, as there will be another message.
    fn full(&self) -> Result<ControlFlow<()>, Refusal> {
        if self.written() == 0 {
            return Err(Full.into());
        }
        Ok(ControlFlow::Break(()))
    }
}
