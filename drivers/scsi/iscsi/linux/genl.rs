// SPDX-License-Identifier: GPL-2.0

//! Generic netlink: the family whose policies and operations are generated from its YNL spec.
//!
//! To serve it, implement [`Handler`] and hold a [`Registration`]. A request arrives as a
//! [`Request`], whose attributes the core has checked against the policy of its operation; what
//! leaves is an [`Answer`], the entries of a [`Dump`], an event made with [`Message::event`], or a
//! [`Refusal`], which always carries a sentence for the user.
//!
//! | Rust | C |
//! |---|---|
//! | [`Registration`] | `iscsi_nl_family`, registered |
//! | [`Request`], [`Attrs`], [`Attr`] | `struct genl_info`, `struct nlattr` |
//! | [`Refusal`] | `struct netlink_ext_ack` |
//! | [`Message`], [`Writer`] | `struct sk_buff` with a `struct genlmsghdr` |
//! | [`Dump`], [`Cursor`](dump::Cursor) | `struct netlink_callback` |
//!
//! The family has `parallel_ops`: the core takes no lock of its family around a request, so
//! handlers run at the same time and lock their own data. It does hold `cb_lock` for reading while
//! a request is served: a handler that waits for long delays the registration of other families,
//! and, once one of those waits, the requests of all families behind it. So handlers that wait for a
//! target bound that.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

mod attr;
mod dump;
mod message;
mod refusal;

pub(crate) use self::{
    attr::{
        Attr,
        Attrs,
        Request, //
    },
    dump::Dump,
    message::{
        Full,
        Message,
        Writer, //
    },
    refusal::Refusal, //
};

use super::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        global_lock,
        Arc, //
    },
};

/// The multicast group of the family.
pub(crate) const GROUP_EVENTS: u32 = bindings::ISCSI_NLGRP_EVENTS;

/// What a request is answered with, beside the acknowledgment that every request gets.
pub(crate) enum Answer {
    /// Nothing more.
    Done,
    /// A message.
    Message(Message),
}

/// The operations of the family.
///
/// # Context
///
/// Called in the context of the process that asks, which may sleep; several calls may run at once.
pub(crate) trait Handler: Send + Sync {
    /// Serves a request that is no dump.
    fn doit(&self, request: &Request<'_>) -> Result<Answer, Refusal>;

    /// Adds entries to a dump, from its cursor on, until all are written or the message is full.
    ///
    /// It is called again until a call writes nothing.
    fn dumpit(&self, request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal>;
}

global_lock! {
    // SAFETY: Initialised in `Registration::new`, before the family, and with it every user of the
    // lock, is known to anybody.
    unsafe(uninit) static HANDLER: Mutex<Option<Arc<dyn Handler>>> = None;
}

/// How far `HANDLER` is: one of the three below.
static STAGE: Atomic<i32> = Atomic::new(UNUSED);

/// It must not be locked.
const UNUSED: i32 = 0;
/// It is being initialised.
const STARTING: i32 = 1;
/// It may be locked, from now until the module is gone.
const READY: i32 = 2;

/// The registered family.
///
/// Dropping it refuses requests from then on and waits for those that are being served. A dump that
/// is not read to its end holds a reference to the module, so that the code stays; it is refused
/// too.
///
/// # Invariants
///
/// `iscsi_nl_family` is registered.
pub(crate) struct Registration(());

impl Registration {
    /// Registers the family, to be served by `handler`.
    ///
    /// Requests may arrive before this returns; the first ones may be refused with `ENODEV`.
    ///
    /// # Context
    ///
    /// Sleeps. Called once in the life of the module, from its initialisation.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it was called before, `EEXIST` if another module has a family of that name.
    pub(crate) fn new(handler: Arc<dyn Handler>) -> Result<Self> {
        // Relaxed, as it only decides who goes on.
        if STAGE.cmpxchg(UNUSED, STARTING, Relaxed).is_err() {
            return Err(EBUSY);
        }
        // SAFETY: Nobody passes the test above twice, so that this runs once.
        unsafe { HANDLER.init() };
        // Pairs with the Acquire in `while_registered`.
        STAGE.store(READY, Release);

        // SAFETY: `iscsi_nl_family` is a static of this module and not registered yet, see above.
        to_result(unsafe { bindings::genl_register_family(&raw mut bindings::iscsi_nl_family) })?;
        // Not before, as events need the family; and not under the lock, which requests take
        // inside that of the core.
        *HANDLER.lock() = Some(handler);
        // INVARIANT: It was registered just now.
        Ok(Self(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Let go outside the lock. It also ends the sending of events, which need the family.
        let handler = HANDLER.lock().take();
        // SAFETY: The family is registered by the type invariant, and no other `Registration`
        // exists that could unregister it too. If this value is leaked the family stays, with the
        // handler that serves it.
        unsafe { bindings::genl_unregister_family(&raw const bindings::iscsi_nl_family) };
        drop(handler);
    }
}

/// Does something that needs the family to be registered, unless it is not.
///
/// # Context
///
/// Sleeps, though not for long: nobody allocates or waits under the lock.
fn while_registered<R>(work: impl FnOnce() -> R) -> Option<R> {
    // Pairs with the Release in `Registration::new`.
    if STAGE.load(Acquire) != READY {
        return None;
    }
    let serving = HANDLER.lock();
    serving.as_ref().map(|_| work())
}

/// The handler, kept alive while it is in use.
fn handler() -> Result<Arc<dyn Handler>, Refusal> {
    HANDLER.lock().clone().ok_or_else(|| {
        Refusal::new(
            ENODEV,
            format_args!("the module is just being loaded or unloaded"),
        )
    })
}

/// Serves a request that is no dump.
///
/// # Safety
///
/// `info` is what the generic netlink core hands to a `doit` operation of `iscsi_nl_family`.
unsafe fn do_callback(info: *mut bindings::genl_info) -> c_int {
    // SAFETY: The core's `genl_info` is on its stack, fully set, and for our use until we return.
    let info = unsafe { &mut *info };
    // SAFETY: The core has checked the length in the header against the buffer and against both
    // headers' size, and keeps the buffer until we return.
    let request = unsafe { Request::from_raw(info.nlhdr, info.snd_portid) };

    match handler().and_then(|handler| handler.doit(&request)) {
        Ok(Answer::Done) => 0,
        Ok(Answer::Message(message)) => match message.reply(info) {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        },
        // SAFETY: `extack` is null or the extended ack of this request, as the core sets it.
        Err(refusal) => unsafe { refusal.report(info.extack, &request) },
    }
}

/// Continues a dump.
///
/// # Safety
///
/// `skb` and `cb` are what the generic netlink core hands to a `dumpit` operation of
/// `iscsi_nl_family`.
unsafe fn dump_callback(skb: *mut bindings::sk_buff, cb: *mut bindings::netlink_callback) -> c_int {
    // SAFETY: The callback is for our use until we return, by the contract of this function.
    let header = unsafe { (*cb).nlh };
    // SAFETY: As above.
    let port = unsafe { Dump::port(cb) };
    // SAFETY: The dump keeps the buffer of the request, which `cb->nlh` points into, until it is
    // done; the core checked the lengths when it started the dump.
    let request = unsafe { Request::from_raw(header, port) };
    // SAFETY: Both are for our use until we return, by the contract of this function.
    let mut dump = unsafe { Dump::from_raw(skb, cb, &request) };

    match handler().and_then(|handler| handler.dumpit(&request, &mut dump)) {
        Ok(()) => dump.written(),
        Err(refusal) => {
            // SAFETY: The callback is for our use until we return.
            let extack = unsafe { (*cb).extack };
            // SAFETY: The core sets `extack` for each call, to null or to that of this request.
            unsafe { refusal.report(extack, &request) }
        }
    }
}

/// Defines C functions for `doit` operations, under the names that the generated table has.
macro_rules! doit {
    ($($name:ident)*) => { $(
        /// `doit` of the generated operation table.
        ///
        /// # Safety
        ///
        /// Only for the generic netlink core, which hands over what its `doit` is defined to get.
        #[no_mangle]
        unsafe extern "C" fn $name(
            _skb: *mut bindings::sk_buff,
            info: *mut bindings::genl_info,
        ) -> c_int {
            // SAFETY: The table puts this function into `iscsi_nl_family`, as a `doit`.
            unsafe { do_callback(info) }
        }

        // The prototype in the generated header is the same.
        const _: unsafe extern "C" fn(*mut bindings::sk_buff, *mut bindings::genl_info) -> c_int =
            if true { bindings::$name } else { $name };
    )* };
}

/// Defines C functions for `dumpit` operations, under the names that the generated table has.
macro_rules! dumpit {
    ($($name:ident)*) => { $(
        /// `dumpit` of the generated operation table.
        ///
        /// # Safety
        ///
        /// Only for the generic netlink core, which hands over what its `dumpit` is defined to get.
        #[no_mangle]
        unsafe extern "C" fn $name(
            skb: *mut bindings::sk_buff,
            cb: *mut bindings::netlink_callback,
        ) -> c_int {
            // SAFETY: The table puts this function into `iscsi_nl_family`, as a `dumpit`.
            unsafe { dump_callback(skb, cb) }
        }

        // The prototype in the generated header is the same.
        const _: unsafe extern "C" fn(
            *mut bindings::sk_buff,
            *mut bindings::netlink_callback,
        ) -> c_int = if true { bindings::$name } else { $name };
    )* };
}

doit! {
    iscsi_nl_discovery_get_doit
    iscsi_nl_discovery_set_doit
    iscsi_nl_initiator_get_doit
    iscsi_nl_initiator_set_doit
    iscsi_nl_static_add_doit
    iscsi_nl_static_del_doit
    iscsi_nl_target_param_del_doit
    iscsi_nl_target_param_get_doit
    iscsi_nl_target_param_set_doit
    iscsi_nl_target_rescan_doit
}

dumpit! {
    iscsi_nl_lun_get_dumpit
    iscsi_nl_static_get_dumpit
    iscsi_nl_target_get_dumpit
    iscsi_nl_target_param_get_dumpit
}
