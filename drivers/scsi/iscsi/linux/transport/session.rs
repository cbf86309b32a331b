// SPDX-License-Identifier: GPL-2.0

//! Sessions of the class, with their connections.

use super::ops::{
    Registration,
    TransportOps, //
};
use crate::linux::{
    bindings,
    scsi::Host, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    types::ForeignOwnable, //
};

/// The displayed state of a connection, file `state`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ConnectionState {
    /// `up`: in the full-feature phase.
    Up,
    /// `down`: not connected, and nobody tries.
    Down,
    /// `failed`: lost; being logged in again.
    Failed,
}

impl ConnectionState {
    const fn as_raw(self) -> bindings::iscsi_connection_state {
        match self {
            Self::Up => bindings::iscsi_connection_state_ISCSI_CONN_UP,
            Self::Down => bindings::iscsi_connection_state_ISCSI_CONN_DOWN,
            Self::Failed => bindings::iscsi_connection_state_ISCSI_CONN_FAILED,
        }
    }
}

/// A session in the class: a child of its SCSI host and the parent of its target.
///
/// It owns its connections. Dropping it takes the disks away if they are still there (commands to
/// them fail at once then: call [`ClsSession::remove_target`] first), then connections and session.
/// It must be dropped before its host is removed, because sysfs goes from the leaves to the root;
/// the other order gives warnings, not dangling pointers.
///
/// # Invariants
///
/// `session` is in the class, added by `add`, removed by `drop`. Its `dd_data` is an `Arc<T>` in
/// foreign hands.
#[pin_data(PinnedDrop)]
pub(crate) struct ClsSession<T: TransportOps> {
    session: NonNull<bindings::iscsi_cls_session>,
    #[pin]
    inner: Mutex<Inner>,
    /// Last: the session uses the transport until it is removed.
    transport: Arc<Registration<T>>,
}

/// What changes while a session is in the class.
struct Inner {
    /// Whether the class was told to block and not yet to unblock.
    ///
    /// It keeps the class from a second block, whose cancelling at removal would leave the recovery
    /// timer of the first one running (`iscsi_remove_session` in 7.3). The lock also keeps an
    /// unblock from cancelling a block that came after it.
    blocked: bool,
    /// Each in the class, added by `add_connection`, and holding a reference.
    connections: KVec<NonNull<bindings::iscsi_cls_conn>>,
}

// SAFETY: The class has locks of its own; the data is `Send` and `Sync`, as `HostOps` asks.
unsafe impl<T: TransportOps> Send for ClsSession<T> {}

// SAFETY: As above, and what changes here is in a mutex.
unsafe impl<T: TransportOps> Sync for ClsSession<T> {}

impl<T: TransportOps> ClsSession<T> {
    /// Adds a session with target id 0 to `host`.
    ///
    /// It shows up in sysfs before this returns, so `data` must be able to answer for it. It starts
    /// as `FREE`. The reference to `data` is kept until the drop.
    ///
    /// # Context
    ///
    /// Sleeps; allocates with `GFP_KERNEL`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the host was not added by [`Registration::add_host`] of `transport`; `ENOMEM`
    /// and what adding a device to sysfs gives.
    pub(crate) fn add(
        transport: Arc<Registration<T>>,
        host: &Host<T>,
        data: Arc<T>,
    ) -> Result<Pin<KBox<Self>>> {
        let host = host.as_raw();
        // SAFETY: `Host` holds a reference, and does not change the field after it was added.
        if unsafe { (*host).transportt } != transport.template() {
            return Err(EINVAL);
        }
        // SAFETY: The host exists; the table lives as long as `transport`, which `Self` holds.
        let session = unsafe { bindings::iscsi_alloc_session(host, transport.session_table(), 0) };
        let session = NonNull::new(session).ok_or(ENOMEM)?;
        let data = data.into_foreign();
        // SAFETY: The session is new: nobody else sees it.
        unsafe { (*session.as_ptr()).dd_data = data };
        // SAFETY: The session is fully set up and is added once.
        let added = to_result(unsafe { bindings::iscsi_add_session(session.as_ptr(), TARGET_ID) });
        if let Err(err) = added {
            // SAFETY: The session is in no list and no file of it is in sysfs; this gives back the
            // reference of `iscsi_alloc_session`.
            unsafe { bindings::iscsi_free_session(session.as_ptr()) };
            // SAFETY: The pointer came from `into_foreign` above, and no callback can use it.
            drop(unsafe { Arc::<T>::from_foreign(data) });
            return Err(err);
        }
        let whole = KBox::pin_init(
            // INVARIANT: Added above, with `dd_data` set.
            pin_init!(Self {
                session,
                inner <- new_mutex!(
                    Inner {
                        blocked: false,
                        connections: KVec::new(),
                    },
                    "ClsSession::inner"
                ),
                transport: transport.clone(),
            }),
            GFP_KERNEL,
        );
        if whole.is_err() {
            // SAFETY: The session was added above, and nothing else will remove it.
            unsafe { remove::<T>(session) };
        }
        whole
    }

    /// Adds a connection.
    ///
    /// The first one must have the id 0: udev asks `connection<N>:0` for the address of the portal.
    ///
    /// # Context
    ///
    /// Sleeps; allocates with `GFP_KERNEL`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` and what adding a device to sysfs gives, `EEXIST` for an id that is there.
    pub(crate) fn add_connection(&self, cid: u32) -> Result {
        let mut inner = self.inner.lock();
        inner.connections.reserve(1, GFP_KERNEL)?;
        if inner.connection(cid).is_some() {
            return Err(EEXIST);
        }
        // SAFETY: By the type invariant the session is in the class.
        let conn = unsafe { bindings::iscsi_alloc_conn(self.session.as_ptr(), 0, cid) };
        let conn = NonNull::new(conn).ok_or(ENOMEM)?;
        // SAFETY: The connection is new and is added once.
        let added = to_result(unsafe { bindings::iscsi_add_conn(conn.as_ptr()) });
        if let Err(err) = added {
            // SAFETY: This gives back the reference of `iscsi_alloc_conn`.
            unsafe { bindings::iscsi_put_conn(conn.as_ptr()) };
            return Err(err);
        }
        // There is room: reserved above, and the lock was held since.
        inner
            .connections
            .push(conn, GFP_KERNEL)
            .map_err(Error::from)
    }

    /// Sets the displayed state of a connection, if it is there.
    ///
    /// # Context
    ///
    /// Sleeps (takes a mutex).
    pub(crate) fn set_connection_state(&self, cid: u32, state: ConnectionState) {
        let inner = self.inner.lock();
        if let Some(conn) = inner.connection(cid) {
            // SAFETY: Connections on the list exist; C reads the field with `READ_ONCE`.
            let place = unsafe { &raw mut (*conn.as_ptr()).state };
            // SAFETY: As above; this is `WRITE_ONCE`.
            unsafe { place.write_volatile(state.as_raw()) };
        }
    }

    /// Lets commands flow, and stops the recovery timer: the session is logged in.
    ///
    /// # Context
    ///
    /// Sleeps, until the class has done it; needs no command to end for that.
    pub(crate) fn unblock(&self) {
        let mut inner = self.inner.lock();
        // SAFETY: By the type invariant the session is in the class.
        unsafe { bindings::iscsi_unblock_session(self.session.as_ptr()) };
        inner.blocked = false;
    }

    /// Holds commands back, and starts the recovery timer: the connection is lost.
    ///
    /// The class does it in a worker of its own; until then [`Self::state`] is still
    /// `LOGGED_IN`. Blocking what is blocked does nothing.
    ///
    /// # Context
    ///
    /// Sleeps (takes a mutex that [`Self::unblock`] holds).
    pub(crate) fn block(&self) {
        self.block_with(&mut self.inner.lock());
    }

    fn block_with(&self, inner: &mut Inner) {
        if !inner.blocked {
            // SAFETY: By the type invariant the session is in the class.
            unsafe { bindings::iscsi_block_session(self.session.as_ptr()) };
            inner.blocked = true;
        }
    }

    /// Waits until the class has done what [`Self::block`] asked it for: a device that a scan takes
    /// back because its command failed must not go while the class blocks it (it warns then).
    ///
    /// # Context
    ///
    /// Sleeps; needs no command to end for that, only submitters to leave `queuecommand`.
    pub(crate) fn wait_until_blocked(&self) {
        // SAFETY: By the type invariant the session is in the class; the work was initialised with
        // it.
        unsafe { bindings::flush_work(&raw mut (*self.session.as_ptr()).block_work) };
    }

    /// Fails commands from here on instead of holding them back: nobody waits for the connection any
    /// more. It is as if the recovery timeout were over, without its callback.
    ///
    /// The disks are `transport-offline` then, also those that a scan is just finding; what waited
    /// fails. [`Self::unblock`] brings them back.
    ///
    /// # Context
    ///
    /// Sleeps, until the class has done it; needs no command to end for that.
    pub(crate) fn give_up(&self) {
        let mut inner = self.inner.lock();
        self.block_with(&mut inner);
        let session = self.session.as_ptr();
        // SAFETY: By the type invariant the session is in the class; the work was initialised with
        // it.
        unsafe { bindings::flush_work(&raw mut (*session).block_work) };
        // SAFETY: As above.
        unsafe { bindings::cancel_delayed_work_sync(&raw mut (*session).recovery_work) };
        // SAFETY: By the type invariant the session exists.
        let place = unsafe { &raw mut (*session).state };
        // SAFETY: As above. The works that write the field do not run: two have ended above, and
        // `inner` keeps others from being queued. The rest of the class reads it.
        unsafe { place.write_volatile(bindings::ISCSI_SESSION_FREE as c_int) };
        // SAFETY: The device of a session in the class is the parent of its target.
        unsafe {
            bindings::scsi_target_unblock(
                &raw mut (*session).dev,
                bindings::scsi_device_state_SDEV_TRANSPORT_OFFLINE,
            )
        };
    }

    /// Looks for the logical units of the target, in a worker of the session.
    ///
    /// Does nothing unless the session is `LOGGED_IN`, or if the target was removed,
    /// or if the administrator has turned scanning off (`scsi_mod.scan`).
    ///
    /// # Context
    ///
    /// Any; does not sleep. The worker sends commands and waits for them: if the connection is
    /// lost meanwhile, until it is back or the recovery timeout is over.
    pub(crate) fn start_scan(&self) {
        let session = self.session.as_ptr();
        // SAFETY: By the type invariant the session is in the class, and so has its work queue.
        let queue = unsafe { (*session).workq };
        // SAFETY: As above; the work was initialised with the session, whose removal waits for it.
        unsafe { bindings::iscsi_helper_queue_work(queue, &raw mut (*session).scan_work) };
    }

    /// Waits for the scan that [`Self::start_scan`] started last.
    ///
    /// # Context
    ///
    /// Sleeps, as long as the commands of the scan take. Not for a thread that recovery needs.
    pub(crate) fn wait_for_scan(&self) {
        // SAFETY: By the type invariant the session is in the class.
        unsafe { bindings::flush_work(&raw mut (*self.session.as_ptr()).scan_work) };
    }

    /// Takes the target and its disks away, for good; scans find nothing any more.
    ///
    /// To be called while logged in: disks write their caches out.
    ///
    /// # Context
    ///
    /// Sleeps, as long as those commands take. Not for a thread that recovery needs.
    pub(crate) fn remove_target(&self) {
        let session = self.session.as_ptr();
        // SAFETY: By the type invariant the session is in the class, and so has its work queue.
        let queue = unsafe { (*session).workq };
        // SAFETY: As above; the work was initialised with the session, whose removal waits for it.
        unsafe { bindings::iscsi_helper_queue_work(queue, &raw mut (*session).unbind_work) };
        // SAFETY: As above.
        unsafe { bindings::flush_work(&raw mut (*session).unbind_work) };
    }
}

#[pinned_drop]
impl<T: TransportOps> PinnedDrop for ClsSession<T> {
    fn drop(self: Pin<&mut Self>) {
        // The connections go with the session: `iscsi_remove_session` removes and puts them.
        //
        // SAFETY: By the type invariant the session is in the class, and nobody else removes it.
        unsafe { remove::<T>(self.session) };
    }
}

impl Inner {
    fn position(&self, cid: u32) -> Option<usize> {
        self.connections.iter().position(|conn| {
            // SAFETY: Connections on the list exist; the id does not change.
            unsafe { (*conn.as_ptr()).cid == cid }
        })
    }

    fn connection(&self, cid: u32) -> Option<NonNull<bindings::iscsi_cls_conn>> {
        self.connections.get(self.position(cid)?).copied()
    }
}

/// The id of the one target of a host.
const TARGET_ID: u32 = 0;

/// Removes a session with what hangs on it, and drops its data.
///
/// # Safety
///
/// `session` must be in the class, added by [`ClsSession::<T>::add`], and must not be used any
/// more.
unsafe fn remove<T: TransportOps>(session: NonNull<bindings::iscsi_cls_session>) {
    let raw = session.as_ptr();
    // SAFETY: The session exists until `iscsi_free_session` below.
    let data = unsafe { (*raw).dd_data };
    // SAFETY: By the contract it is removed once. When this returns, no file of the session or of a
    // connection is being read, no work of the session runs, and netlink does not find it any more.
    unsafe { bindings::iscsi_remove_session(raw) };
    // Netlink may have asked for an asynchronous destruction while there was no connection: that
    // work calls `destroy_session`, which does nothing here, but with the session as its argument.
    //
    // SAFETY: The work was initialised with the session.
    unsafe { bindings::cancel_work_sync(&raw mut (*raw).destroy_work) };
    // SAFETY: This gives back the reference of `iscsi_alloc_session`. Whoever else holds one, a
    // device of the target that is still open perhaps, does not use `dd_data`.
    unsafe { bindings::iscsi_free_session(raw) };
    // SAFETY: The pointer came from `into_foreign` in `add`; no callback can use it any more.
    drop(unsafe { Arc::<T>::from_foreign(data) });
}
