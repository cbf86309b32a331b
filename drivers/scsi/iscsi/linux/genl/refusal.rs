// SPDX-License-Identifier: GPL-2.0

//! Why a request is not served, in words.

use super::{
    super::bindings,
    Full,
    Request, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};

/// Bytes of the sentence, with the zero that ends it.
const TEXT: usize = bindings::NETLINK_MAX_FMTMSG_LEN as usize;

/// A refusal: an errno, a sentence, and the attribute at fault if there is one.
///
/// A sentence says what is wrong and what would be right, in up to 79 bytes; more is cut off.
pub(crate) struct Refusal {
    errno: Error,
    text: Text,
    place: Place,
}

/// The attribute at fault.
enum Place {
    /// None.
    Nowhere,
    /// The one that starts at this offset of the message.
    At(usize),
    /// One of this type, which should stand in the nest that starts at this offset, or in none.
    Missing(u16, Option<usize>),
}

impl Refusal {
    /// A refusal that points at no attribute.
    pub(crate) fn new(errno: Error, text: fmt::Arguments<'_>) -> Self {
        let mut sentence = Text {
            bytes: [0; TEXT],
            len: 0,
        };
        // Cutting off is all that can go wrong.
        let _ = sentence.write_fmt(text);
        Self {
            errno,
            text: sentence,
            place: Place::Nowhere,
        }
    }

    /// Points at the attribute that starts at this offset of the message.
    pub(super) fn at(self, offset: usize) -> Self {
        Self {
            place: Place::At(offset),
            ..self
        }
    }

    /// Names the attribute that is missing in the nest that starts at this offset, or in none.
    pub(super) fn missing(self, kind: u16, nest: Option<usize>) -> Self {
        Self {
            place: Place::Missing(kind, nest),
            ..self
        }
    }

    /// Puts the refusal into the extended ack and gives the errno to return to the core.
    ///
    /// # Safety
    ///
    /// `extack` is null or the extended ack of `request`, which nobody else uses meanwhile.
    pub(super) unsafe fn report(
        self,
        extack: *mut bindings::netlink_ext_ack,
        request: &Request<'_>,
    ) -> c_int {
        // SAFETY: By the contract of this function.
        if let Some(extack) = unsafe { extack.as_mut() } {
            for (to, from) in extack._msg_buf.iter_mut().zip(self.text.bytes) {
                *to = from as c_char;
            }
            extack._msg = extack._msg_buf.as_ptr();
            match self.place {
                Place::Nowhere => {}
                Place::At(offset) => extack.bad_attr = attr_at(request, offset),
                Place::Missing(kind, nest) => {
                    extack.miss_type = kind;
                    extack.miss_nest = match nest {
                        Some(offset) => attr_at(request, offset),
                        None => core::ptr::null(),
                    };
                }
            }
        }
        self.errno.to_errno()
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::new(ENOMEM, format_args!("insufficient memory"))
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::new(EMSGSIZE, format_args!("the answer does not fit a message"))
    }
}

/// The address of the attribute at an offset, null if the message has no such offset.
fn attr_at(request: &Request<'_>, offset: usize) -> *const bindings::nlattr {
    request
        .message
        .get(offset..)
        .map_or(core::ptr::null(), |tail| tail.as_ptr().cast())
}

/// Text of limited length.
///
/// # Invariants
///
/// `len` is less than the length of `bytes`; the bytes from there on are zero.
struct Text {
    bytes: [u8; TEXT],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (TEXT - 1).saturating_sub(self.len);
        let mut take = text.len().min(room);
        while !text.is_char_boundary(take) {
            take = take.saturating_sub(1);
        }
        let part = text.as_bytes().get(..take).unwrap_or_default();
        for (to, from) in self.bytes.iter_mut().skip(self.len).zip(part) {
            *to = *from;
        }
        // INVARIANT: At most the room was used, and nothing written behind.
        self.len = self.len.saturating_add(part.len());
        if part.len() < text.len() {
            // No more after a cut.
            self.len = TEXT - 1;
            return Err(fmt::Error);
        }
        Ok(())
    }
}
