// SPDX-License-Identifier: GPL-2.0

//! What arrives: a request and its attributes, read as bytes.

use super::super::bindings;
use super::{
    Message,
    Refusal, //
};
use core::{
    fmt,
    slice, //
};
use kernel::prelude::*;

/// Bytes of `struct nlmsghdr`, after which the generic header stands.
const NLMSG_HEADER: usize = size_of::<bindings::nlmsghdr>();

/// Bytes of `struct nlmsghdr` and `struct genlmsghdr`, after which the attributes start.
const HEADERS: usize = NLMSG_HEADER + size_of::<bindings::genlmsghdr>();

/// Bytes of `struct nlattr`, the header of an attribute.
const ATTR_HEADER: usize = size_of::<bindings::nlattr>();

/// The bits of an attribute's type that are flags: nested, and network byte order.
const TYPE_FLAGS: u16 = 0xc000;

/// A request to the family.
pub(crate) struct Request<'a> {
    /// The whole message, headers included.
    pub(super) message: &'a [u8],
    /// Who asks.
    port: u32,
}

impl<'a> Request<'a> {
    /// Looks at a message.
    ///
    /// # Safety
    ///
    /// `nlmsg_len` bytes from `header` are there, both headers at least, and nobody changes them
    /// during `'a`.
    pub(super) unsafe fn from_raw(header: *const bindings::nlmsghdr, port: u32) -> Self {
        // SAFETY: The header is there, by the contract of this function.
        let len = unsafe { (*header).nlmsg_len };
        Self {
            // SAFETY: So many bytes are there and stay, by the contract of this function.
            message: unsafe { slice::from_raw_parts(header.cast(), len as usize) },
            port,
        }
    }

    /// The command, a number of `control::uapi::cmd`.
    pub(crate) fn command(&self) -> u8 {
        self.message.get(NLMSG_HEADER).copied().unwrap_or(0)
    }

    /// The attributes.
    pub(crate) fn attrs(&self) -> Attrs<'a> {
        Attrs {
            message: self.message,
            parent: None,
            start: HEADERS,
            end: self.message.len(),
        }
    }

    /// Starts the message that answers this request.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn reply(&self) -> Result<Message, Refusal> {
        Message::new(
            self.command(),
            self.port,
            self.sequence(),
            bindings::GFP_KERNEL,
        )
    }

    /// The sequence number that answers repeat.
    pub(super) fn sequence(&self) -> u32 {
        u32_at(
            self.message,
            core::mem::offset_of!(bindings::nlmsghdr, nlmsg_seq),
        )
        .unwrap_or(0)
    }

    /// The sender's port.
    pub(super) fn port(&self) -> u32 {
        self.port
    }
}

/// A list of attributes: those of a request, or those nested in one.
///
/// The core has checked them against the policy of the operation: each is known, complete and of
/// the length that its type has. Nothing here relies on that.
#[derive(Clone, Copy)]
pub(crate) struct Attrs<'a> {
    message: &'a [u8],
    /// Offset of the attribute that this list is nested in.
    parent: Option<usize>,
    start: usize,
    end: usize,
}

impl<'a> Attrs<'a> {
    /// The attribute of a type; the last one if there are several, as in C.
    pub(crate) fn find(&self, kind: u16) -> Option<Attr<'a>> {
        self.iter().filter(|attr| attr.kind() == kind).last()
    }

    /// The attribute of a type that has to be there.
    ///
    /// # Errors
    ///
    /// `EINVAL`, naming the attribute to programs by its type and to people as `name`.
    pub(crate) fn need(&self, kind: u16, name: &str) -> Result<Attr<'a>, Refusal> {
        self.find(kind).ok_or_else(|| {
            Refusal::new(EINVAL, format_args!("missing {name}")).missing(kind, self.parent)
        })
    }

    /// All attributes in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Attr<'a>> {
        let Self {
            message,
            mut start,
            end,
            ..
        } = *self;
        core::iter::from_fn(move || {
            let len = usize::from(u16_at(message, start)?);
            let stop = start.checked_add(len)?;
            if len < ATTR_HEADER || stop > end {
                return None;
            }
            let attr = Attr {
                message,
                start,
                end: stop,
            };
            start = stop.checked_next_multiple_of(bindings::NLA_ALIGNTO as usize)?;
            Some(attr)
        })
    }
}

/// An attribute.
///
/// # Invariants
///
/// `start + ATTR_HEADER <= end`.
#[derive(Clone, Copy)]
pub(crate) struct Attr<'a> {
    message: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Attr<'a> {
    /// The type, without flags.
    pub(crate) fn kind(&self) -> u16 {
        u16_at(self.message, self.start.saturating_add(2)).unwrap_or(0) & !TYPE_FLAGS
    }

    /// The value as bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.message
            .get(self.start.saturating_add(ATTR_HEADER)..self.end)
            .unwrap_or_default()
    }

    /// The value as a number of 8 bits.
    pub(crate) fn u8(&self) -> Result<u8, Refusal> {
        self.array().map(u8::from_ne_bytes)
    }

    /// The value as a number of 16 bits.
    pub(crate) fn u16(&self) -> Result<u16, Refusal> {
        self.array().map(u16::from_ne_bytes)
    }

    /// The value as a number of 32 bits.
    pub(crate) fn u32(&self) -> Result<u32, Refusal> {
        self.array().map(u32::from_ne_bytes)
    }

    /// The value as exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], Refusal> {
        self.bytes()
            .try_into()
            .map_err(|_| self.refuse(EINVAL, format_args!("value must be {N} bytes long")))
    }

    /// The value as text, without the zero that ends it.
    pub(crate) fn str(&self) -> Result<&'a str, Refusal> {
        let bytes = self.bytes();
        let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        core::str::from_utf8(text)
            .map_err(|_| self.refuse(EINVAL, format_args!("text is not UTF-8")))
    }

    /// The attributes nested in this one.
    pub(crate) fn nest(&self) -> Attrs<'a> {
        Attrs {
            message: self.message,
            parent: Some(self.start),
            start: self.start.saturating_add(ATTR_HEADER),
            end: self.end,
        }
    }

    /// A refusal that points at this attribute.
    pub(crate) fn refuse(&self, errno: Error, text: fmt::Arguments<'_>) -> Refusal {
        Refusal::new(errno, text).at(self.start)
    }
}

/// The number of 16 bits at an offset.
fn u16_at(message: &[u8], offset: usize) -> Option<u16> {
    let bytes = message.get(offset..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

/// The number of 32 bits at an offset.
fn u32_at(message: &[u8], offset: usize) -> Option<u32> {
    let bytes = message.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}
