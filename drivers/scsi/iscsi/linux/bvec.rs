// SPDX-License-Identifier: GPL-2.0

//! Pieces of memory for the iterators of sockets, and whole pages.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use super::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// A run of bytes in one page, or in physically consecutive pages.
///
/// It neither owns nor keeps the page: whoever makes one vouches that the page stays for as long
/// as the value is used. The ways to make one in this room say what it borrows from.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct BioVec(bindings::bio_vec);

// SAFETY: A `bio_vec` is a pointer to a page and two numbers; using the bytes is up to the calls
// that take it.
unsafe impl Send for BioVec {}

// SAFETY: As above.
unsafe impl Sync for BioVec {}

impl BioVec {
    /// No bytes, for arrays that are filled later.
    pub(crate) const EMPTY: Self = Self(bindings::bio_vec {
        bv_page: core::ptr::null_mut(),
        bv_len: 0,
        bv_offset: 0,
    });

    /// `len` bytes from `offset` bytes into `page`.
    ///
    /// # Safety
    ///
    /// The bytes must be inside memory that `page` begins, and must stay, and be the maker's to
    /// read (to send) or write (to receive), for as long as the value or a copy of it is used.
    pub(super) unsafe fn from_raw(page: *mut bindings::page, offset: u32, len: u32) -> Self {
        Self(bindings::bio_vec {
            bv_page: page,
            bv_len: len,
            bv_offset: offset,
        })
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.bv_len as usize
    }

    /// Whether the page may go into packets as it is, instead of being copied.
    ///
    /// Pages of the slab allocator may not: their life does not end with their reference count.
    pub(crate) fn can_splice(&self) -> bool {
        if self.0.bv_page.is_null() {
            return false;
        }
        let offset = self.0.bv_offset as usize;
        // SAFETY: The pages exist by the contract of `from_raw`.
        unsafe { bindings::iscsi_helper_sendpages_ok(self.0.bv_page, self.len(), offset) }
    }

    /// Calls `f` with the bytes, as they are now.
    ///
    /// Somebody else may write to them meanwhile (a user program to its buffer of a direct write):
    /// a digest over them is then wrong, which is why block devices with a digest ask for stable
    /// pages.
    pub(crate) fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        let Some(start) = self.start() else {
            return f(&[]);
        };
        // SAFETY: By the contract of `from_raw` the bytes are there to be read.
        f(unsafe { core::slice::from_raw_parts(start.as_ptr(), self.len()) })
    }

    /// Where the bytes are; `None` if there are none.
    pub(super) fn start(&self) -> Option<NonNull<u8>> {
        if self.0.bv_page.is_null() {
            return None;
        }
        // SAFETY: The page exists by the contract of `from_raw`; without high memory (the module
        // needs 64 bits) its address is valid for all pages behind it too.
        let page = unsafe { bindings::iscsi_helper_page_address(self.0.bv_page) };
        // SAFETY: By the contract of `from_raw` the bytes are inside the memory that begins there.
        NonNull::new(unsafe { page.cast::<u8>().add(self.0.bv_offset as usize) })
    }
}

/// A few pages of memory of our own, physically consecutive.
///
/// # Invariants
///
/// `page` is an allocation of `1 << ORDER` pages, owned by `self`.
pub(crate) struct Pages<const ORDER: u32> {
    page: NonNull<bindings::page>,
}

// SAFETY: The pages belong to `self` alone.
unsafe impl<const ORDER: u32> Send for Pages<ORDER> {}

// SAFETY: Writing takes `&mut self`.
unsafe impl<const ORDER: u32> Sync for Pages<ORDER> {}

impl<const ORDER: u32> Pages<ORDER> {
    /// How many bytes there are.
    pub(crate) const LEN: usize = kernel::page::PAGE_SIZE << ORDER;

    /// Allocates the pages, with `GFP_KERNEL`, zeroed.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Plain allocation.
        let page = unsafe { bindings::iscsi_helper_alloc_pages(bindings::GFP_KERNEL, ORDER) };
        // INVARIANT: Just allocated.
        Ok(Self {
            page: NonNull::new(page).ok_or(ENOMEM)?,
        })
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: The pages exist by the type invariant.
        unsafe { bindings::iscsi_helper_page_address(self.page.as_ptr()) }.cast()
    }

    /// The bytes, for writing.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant there are `LEN` bytes, initialised by the allocation, and
        // they are borrowed as `self` is.
        unsafe { core::slice::from_raw_parts_mut(self.start(), Self::LEN) }
    }

    /// `len` bytes from `offset` as a piece for an iterator, cut to what there is.
    ///
    /// The piece must not be used after `self` has gone; the engine keeps both in one object.
    pub(crate) fn piece(&self, offset: usize, len: usize) -> BioVec {
        let offset = offset.min(Self::LEN);
        let len = len.min(Self::LEN - offset);
        // SAFETY: Cut to the allocation above. `BioVec`s of staging memory are used by the thread
        // that owns the pages, before it writes to them again or drops them.
        unsafe { BioVec::from_raw(self.page.as_ptr(), offset as u32, len as u32) }
    }
}

impl<const ORDER: u32> Drop for Pages<ORDER> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pages are ours, of this order.
        unsafe { bindings::__free_pages(self.page.as_ptr(), ORDER) };
    }
}
