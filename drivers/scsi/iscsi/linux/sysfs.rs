// SPDX-License-Identifier: GPL-2.0

//! Read-only attributes in sysfs.
//!
//! An attribute is a type that implements [`Attribute`]: a name and a function that writes one
//! value. [`attribute_groups!`](super::sysfs::attribute_groups) makes the tables that C wants of a
//! list of such types, at compile time.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use super::bindings;
use core::{
    marker::PhantomData,
    mem::zeroed,
    ptr::null, //
};
use kernel::{
    fmt,
    page::PAGE_SIZE,
    prelude::*,
    str::as_char_ptr_in_const_context,
    types::Opaque, //
};

/// Where an attribute writes its value: one page, never more.
///
/// Writing more fails, and so does the read of the attribute then (`EOVERFLOW`). The end of the
/// line is added by the caller of the attribute.
pub(crate) struct Writer<'a> {
    page: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    /// The bytes written so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.page.get(..self.len).unwrap_or(&[])
    }

    /// Ends the line, unless it is ended, and gives its length.
    fn finish(mut self) -> Result<usize> {
        if self.as_bytes().last() != Some(&b'\n') {
            fmt::Write::write_str(&mut self, "\n").map_err(|_| EOVERFLOW)?;
        }
        Ok(self.len)
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.page.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Runs `write` for the buffer of a C show function and gives what that function returns.
///
/// # Safety
///
/// `buf` must be the buffer of a show function: a page, initialised, for this call alone.
pub(super) unsafe fn show(
    buf: *mut c_char,
    write: impl FnOnce(&mut Writer<'_>) -> Result,
) -> Result<usize> {
    // SAFETY: By the contract of this function there is one initialised page at `buf`, and nobody
    // else uses it until the show function returns.
    let page = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE) };
    let mut out = Writer { page, len: 0 };
    write(&mut out)?;
    out.finish()
}

/// What the attributes of a device are about.
///
/// # Safety
///
/// [`Subject::with`] must find the value of every device that gets a table made for `Self`, and the
/// value must live until that device has been taken out of sysfs, which waits for running reads.
pub(crate) unsafe trait Subject: Sized + Sync {
    /// Calls `f` with the value that belongs to `dev`.
    ///
    /// # Safety
    ///
    /// `dev` must be a device with a table of attributes for `Self`, and in sysfs until this
    /// returns.
    unsafe fn with<R>(dev: *mut bindings::device, f: impl FnOnce(&Self) -> R) -> R;
}

/// One read-only attribute.
pub(crate) trait Attribute: 'static {
    /// What it is an attribute of.
    type Subject: Subject;

    /// The name of the file.
    const NAME: &'static CStr;

    /// Writes the value.
    ///
    /// # Context
    ///
    /// Runs in the thread that reads the file, and may sleep; removing the device from sysfs waits
    /// for it, so it must not take a lock that is held then.
    ///
    /// # Errors
    ///
    /// Any; the reader gets it.
    fn show(subject: &Self::Subject, out: &mut Writer<'_>) -> Result;
}

/// The C form of an [`Attribute`].
#[repr(transparent)]
pub(crate) struct DeviceAttribute<S>(Opaque<bindings::device_attribute>, PhantomData<fn(S)>);

// SAFETY: After it has been made in a static, only sysfs uses it, under its own locks.
unsafe impl<S> Sync for DeviceAttribute<S> {}

impl<S: Subject> DeviceAttribute<S> {
    /// The C form of `A`: mode 0444, no store function.
    pub(crate) const fn new<A: Attribute<Subject = S>>() -> Self {
        // SAFETY: All fields may be zero: null pointers and absent functions.
        let mut attribute: bindings::device_attribute = unsafe { zeroed() };
        attribute.attr.name = as_char_ptr_in_const_context(A::NAME);
        attribute.attr.mode = MODE_READ_ONLY;
        attribute.__bindgen_anon_1 = bindings::device_attribute__bindgen_ty_1 {
            show: Some(show_callback::<A>),
        };
        Self(Opaque::new(attribute), PhantomData)
    }
}

const _: () = assert!(core::mem::offset_of!(bindings::device_attribute, attr) == 0);

/// A list of `N - 1` attributes that ends with null.
pub(crate) struct AttributeList<S, const N: usize>(
    [*const bindings::attribute; N],
    PhantomData<fn(S)>,
);

// SAFETY: The pointers are to statics that are `Sync`.
unsafe impl<S, const N: usize> Sync for AttributeList<S, N> {}

impl<S: Subject, const N: usize> AttributeList<S, N> {
    /// The list of `attributes`.
    pub(crate) const fn new<const M: usize>(attributes: [&'static DeviceAttribute<S>; M]) -> Self {
        assert!(M + 1 == N);
        let mut list = [null(); N];
        let mut i = 0;
        while i < M {
            // The attribute proper is the first field: see the assertion above.
            list[i] = attributes[i].0.get().cast_const().cast();
            i += 1;
        }
        Self(list, PhantomData)
    }
}

/// One group of attributes without a directory of its own.
pub(crate) struct AttributeGroup<S>(Opaque<bindings::attribute_group>, PhantomData<fn(S)>);

// SAFETY: It is not changed after it has been made.
unsafe impl<S> Sync for AttributeGroup<S> {}

impl<S: Subject> AttributeGroup<S> {
    /// The group of the attributes in `list`.
    pub(crate) const fn new<const N: usize>(list: &'static AttributeList<S, N>) -> Self {
        // SAFETY: All fields may be zero: null pointers and absent functions.
        let mut group: bindings::attribute_group = unsafe { zeroed() };
        group.__bindgen_anon_2 = bindings::attribute_group__bindgen_ty_2 {
            attrs_const: list.0.as_ptr(),
        };
        Self(Opaque::new(group), PhantomData)
    }
}

/// The groups of attributes of devices whose values are of type `S`.
pub(crate) struct Groups<S>([*const bindings::attribute_group; 2], PhantomData<fn(S)>);

// SAFETY: The pointers are to statics that are `Sync`.
unsafe impl<S> Sync for Groups<S> {}

impl<S: Subject> Groups<S> {
    /// `group` and nothing else.
    pub(crate) const fn new(group: &'static AttributeGroup<S>) -> Self {
        Self([group.0.get().cast_const(), null()], PhantomData)
    }

    /// What C wants, as in `shost_groups` of a host template.
    pub(super) const fn as_ptr(&'static self) -> *const *const bindings::attribute_group {
        self.0.as_ptr()
    }
}

/// Makes a static of type [`Groups`] from a list of [`Attribute`]s of one [`Subject`].
///
/// ```ignore
/// attribute_groups! {
///     /// The files of a session.
///     pub(crate) static SESSION_FILES: Groups<Session> = [State, CommandCount];
/// }
/// ```
macro_rules! attribute_groups {
    (
        $( #[$meta:meta] )*
        $vis:vis static $name:ident: Groups<$subject:ty> = [ $( $attribute:ty ),+ $(,)? ];
    ) => {
        $( #[$meta] )*
        $vis static $name: $crate::linux::sysfs::Groups<$subject> = {
            use $crate::linux::sysfs::{
                AttributeGroup,
                AttributeList,
                DeviceAttribute,
                Groups, //
            };
            const COUNT: usize = [ $( stringify!($attribute) ),+ ].len();
            static LIST: AttributeList<$subject, { COUNT + 1 }> = AttributeList::new([
                $( {
                    static ATTRIBUTE: DeviceAttribute<$subject> =
                        DeviceAttribute::new::<$attribute>();
                    &ATTRIBUTE
                }, )+
            ]);
            static GROUP: AttributeGroup<$subject> = AttributeGroup::new(&LIST);
            Groups::new(&GROUP)
        };
    };
}
pub(crate) use attribute_groups;

/// Everybody may read, nobody may write.
const MODE_READ_ONLY: bindings::umode_t = 0o444;

/// The show function of `A`.
///
/// # Safety
///
/// Only for sysfs, in a [`DeviceAttribute`] of `A`: `dev` has the table that the attribute stands
/// in, `buf` is a page for this call.
unsafe extern "C" fn show_callback<A: Attribute>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    buf: *mut c_char,
) -> isize {
    // SAFETY: `buf` is the buffer of this show function; sysfs has zeroed it.
    let write = |subject: &A::Subject| unsafe { show(buf, |out| A::show(subject, out)) };
    // SAFETY: The device has a table for `A::Subject`, and stays in sysfs while a file of it is
    // read.
    match unsafe { A::Subject::with(dev, write) } {
        Ok(len) => len as isize,
        Err(err) => err.to_errno() as isize,
    }
}
