// SPDX-License-Identifier: GPL-2.0

//! The registration of the transport, and its callbacks.

use super::params::{
    ConnectionParam,
    HostParam,
    SessionParam, //
};
use crate::linux::{
    bindings,
    scsi::{
        Host,
        HostOps, //
    },
    sysfs::{
        self,
        Writer, //
    },
};
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
};
use kernel::{
    module::this_module,
    prelude::*,
    str::as_char_ptr_in_const_context,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// What the class asks the driver. `&self` is the data of the SCSI host and of its session.
///
/// # Context
///
/// The functions that show something run in the thread that reads the file, and may sleep. Removing
/// the session or the host waits for them, so they must not take a lock that is held then.
pub(crate) trait TransportOps: HostOps {
    /// Writes the value of a parameter of the session.
    ///
    /// # Errors
    ///
    /// `ENODATA` if there is no value; any other, and the reader gets it.
    fn session_param(&self, param: SessionParam, out: &mut Writer<'_>) -> Result;

    /// Writes the value of a parameter of the connection `cid`.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` for what only a live connection has; any other, and the reader gets it.
    fn connection_param(&self, cid: u32, param: ConnectionParam, out: &mut Writer<'_>) -> Result;

    /// Writes the value of a parameter of the host.
    ///
    /// # Errors
    ///
    /// As [`Self::session_param`].
    fn host_param(&self, param: HostParam, out: &mut Writer<'_>) -> Result;

    /// The session was blocked for longer than its recovery timeout: its disks fail commands now.
    ///
    /// # Context
    ///
    /// A worker of the session; may sleep. Must not wait for a block or unblock, nor drop the
    /// session.
    fn recovery_timed_out(&self);
}

/// The registered transport.
///
/// Hosts and sessions hold it in an [`Arc`], so it goes after the last of them.
///
/// # Invariants
///
/// `registered` is registered with the class, and `template` is what the class gave for it.
/// `unregistered` is not. Both tables come from [`VTable::<T>::TABLE`].
pub(crate) struct Registration<T: TransportOps> {
    template: NonNull<bindings::scsi_transport_template>,
    registered: NonNull<bindings::iscsi_transport>,
    unregistered: NonNull<bindings::iscsi_transport>,
    _ops: PhantomData<fn(T)>,
}

// SAFETY: The tables are not changed, and the class has locks of its own.
unsafe impl<T: TransportOps> Send for Registration<T> {}

// SAFETY: As above.
unsafe impl<T: TransportOps> Sync for Registration<T> {}

impl<T: TransportOps> Registration<T> {
    /// Registers the transport.
    ///
    /// Hosts and sessions hold it, so it is for an [`Arc`].
    ///
    /// # Context
    ///
    /// Sleeps; allocates with `GFP_KERNEL`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `ENODEV` if the class refuses, which does not say why: a transport of this name
    /// is there, or memory is short.
    pub(crate) fn new() -> Result<Self> {
        let registered = KBox::new(VTable::<T>::TABLE, GFP_KERNEL)?;
        let unregistered = KBox::new(VTable::<T>::TABLE, GFP_KERNEL)?;
        let registered = NonNull::from(KBox::leak(registered));
        // SAFETY: The table stays where it is until `Drop` unregisters it; if the registration is
        // leaked, it stays for ever.
        let template = unsafe { bindings::iscsi_register_transport(registered.as_ptr()) };
        let Some(template) = NonNull::new(template) else {
            // SAFETY: The pointer comes from `leak` above, and the class has not kept it.
            drop(unsafe { KBox::from_raw(registered.as_ptr()) });
            return Err(ENODEV);
        };
        // INVARIANT: Registered above; the class does not know the other table.
        Ok(Self {
            template,
            registered,
            unregistered: NonNull::from(KBox::leak(unregistered)),
            _ops: PhantomData,
        })
    }

    /// Adds `host` to the system as a host of this transport.
    ///
    /// # Errors
    ///
    /// Those of `scsi_add_host`.
    pub(crate) fn add_host(self: &Arc<Self>, host: &mut Host<T>) -> Result {
        host.add(self.template, self.clone())
    }

    /// The pointer that the class knows hosts of this transport by.
    pub(super) fn template(&self) -> *mut bindings::scsi_transport_template {
        self.template.as_ptr()
    }

    /// The table that sessions are made with.
    ///
    /// It is a twin of the registered one that the class does not know. That is how a session goes
    /// without the netlink events of the class: `iscsi_session_event` drops events of unknown
    /// transports. With the registered table, each session would log three errors ("Cannot notify
    /// userspace of session event") wherever no `iscsid` runs, and an `iscsid` that runs could do
    /// nothing with the events.
    pub(super) fn session_table(&self) -> *mut bindings::iscsi_transport {
        self.unregistered.as_ptr()
    }
}

impl<T: TransportOps> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered; it is unregistered only here. All hosts
        // and sessions of it are gone: they hold the registration.
        unsafe { bindings::iscsi_unregister_transport(self.registered.as_ptr()) };
        // SAFETY: The pointer comes from `KBox::leak` in `new`, and the class has let go of it.
        drop(unsafe { KBox::from_raw(self.registered.as_ptr()) });
        // SAFETY: As above; the sessions that used it are gone.
        drop(unsafe { KBox::from_raw(self.unregistered.as_ptr()) });
    }
}

/// The name of the transport, and of the driver in the host's `proc_name`: open-iscsi matches them.
///
/// It sorts after `tcp`, because old versions of open-iscsi stop looking at transports at the first
/// one that they do not know, in the order of names.
pub(crate) const NAME: &CStr = c"tcp_rs";

/// What user space may conclude from: login and data path are ours, digests and several R2Ts work.
const CAPS: u32 = bindings::CAP_RECOVERY_L0
    | bindings::CAP_MULTI_R2T
    | bindings::CAP_HDRDGST
    | bindings::CAP_DATADGST
    | bindings::CAP_TEXT_NEGO
    | bindings::CAP_DATA_PATH_OFFLOAD
    | bindings::CAP_LOGIN_OFFLOAD;

/// Everybody may read, nobody may write.
const MODE_READ_ONLY: bindings::umode_t = 0o444;

/// Borrows the data of a session.
///
/// # Safety
///
/// `session` must come from [`ClsSession::<T>::add`](super::ClsSession::add), and must not have
/// been removed from the class for as long as the reference is used.
unsafe fn session_data<'a, T: TransportOps>(
    session: *mut bindings::iscsi_cls_session,
) -> ArcBorrow<'a, T> {
    // SAFETY: The session exists by the contract of this function.
    let data = unsafe { (*session).dd_data };
    // SAFETY: `ClsSession::add` put an `Arc<T>` there before the class could see the session, and
    // `ClsSession::drop` takes it back after the session's removal, which waits for callbacks.
    unsafe { Arc::<T>::borrow(data) }
}

/// What a C show function returns.
fn shown(result: Result<usize>) -> c_int {
    match result {
        // A page is at most 64 KiB, so nothing is cut.
        Ok(len) => len as c_int,
        Err(err) => err.to_errno(),
    }
}

/// The callbacks for one implementation.
struct VTable<T>(PhantomData<T>);

impl<T: TransportOps> VTable<T> {
    /// # Safety
    ///
    /// Only for the class: `session` is one of this transport and not yet removed, `buf` is the
    /// buffer of a show function.
    unsafe extern "C" fn get_session_param_callback(
        session: *mut bindings::iscsi_cls_session,
        param: bindings::iscsi_param,
        buf: *mut c_char,
    ) -> c_int {
        let Some(param) = SessionParam::from_raw(param) else {
            return ENODATA.to_errno();
        };
        // SAFETY: By the contract: the files of a session are removed, and readers waited for,
        // before `ClsSession` gives up the data.
        let data = unsafe { session_data::<T>(session) };
        // SAFETY: By the contract of this function.
        shown(unsafe { sysfs::show(buf, |out| data.session_param(param, out)) })
    }

    /// # Safety
    ///
    /// Only for the class: `conn` is a connection of a session of this transport and not yet
    /// removed, `buf` is the buffer of a show function.
    unsafe extern "C" fn get_conn_param_callback(
        conn: *mut bindings::iscsi_cls_conn,
        param: bindings::iscsi_param,
        buf: *mut c_char,
    ) -> c_int {
        let Some(param) = ConnectionParam::from_raw(param) else {
            return ENODATA.to_errno();
        };
        // SAFETY: By the contract the connection exists; its id does not change.
        let cid = unsafe { (*conn).cid };
        // SAFETY: A connection is made as the child of its session, and holds a reference to it.
        let session = unsafe { bindings::iscsi_helper_conn_to_session(conn) };
        // SAFETY: By the contract: the files of a connection are removed, and readers waited for,
        // before the session's, and so before `ClsSession` gives up the data.
        let data = unsafe { session_data::<T>(session) };
        // SAFETY: By the contract of this function.
        shown(unsafe { sysfs::show(buf, |out| data.connection_param(cid, param, out)) })
    }

    /// # Safety
    ///
    /// Only for the class: `host` was added by [`Registration::add_host`] of this transport and is
    /// not yet removed, `buf` is the buffer of a show function.
    unsafe extern "C" fn get_host_param_callback(
        host: *mut bindings::Scsi_Host,
        param: bindings::iscsi_host_param,
        buf: *mut c_char,
    ) -> c_int {
        let Some(param) = HostParam::from_raw(param) else {
            return ENODATA.to_errno();
        };
        // SAFETY: By the contract `host` is a `Host<T>`; its files are removed, and readers waited
        // for, by `scsi_remove_host`, after which only `Host` gives up the data.
        let data = unsafe { Host::<T>::data_of(host) };
        // SAFETY: By the contract of this function.
        shown(unsafe { sysfs::show(buf, |out| data.host_param(param, out)) })
    }

    /// Shows what has a value, and with that neither user names nor passwords.
    unsafe extern "C" fn attr_is_visible_callback(kind: c_int, param: c_int) -> bindings::umode_t {
        let Ok(param) = u32::try_from(param) else {
            return 0;
        };
        let visible = match kind as u32 {
            bindings::iscsi_param_type_ISCSI_PARAM => {
                SessionParam::from_raw(param).is_some()
                    || ConnectionParam::from_raw(param).is_some()
            }
            bindings::iscsi_param_type_ISCSI_HOST_PARAM => HostParam::from_raw(param).is_some(),
            _ => false,
        };
        if visible {
            MODE_READ_ONLY
        } else {
            0
        }
    }

    /// # Safety
    ///
    /// Only for the class: `session` is one of this transport; its removal cancels the work that
    /// calls this.
    unsafe extern "C" fn recovery_timed_out_callback(session: *mut bindings::iscsi_cls_session) {
        // SAFETY: By the contract of this function.
        unsafe { session_data::<T>(session) }.recovery_timed_out();
    }

    // The calls of `NETLINK_ISCSI`. The class does not test these for null, and calls them for
    // whoever has CAP_SYS_ADMIN.

    unsafe extern "C" fn create_session_callback(
        _ep: *mut bindings::iscsi_endpoint,
        _cmds_max: u16,
        _qdepth: u16,
        _sn: u32,
    ) -> *mut bindings::iscsi_cls_session {
        null_mut()
    }

    unsafe extern "C" fn destroy_session_callback(_session: *mut bindings::iscsi_cls_session) {}

    unsafe extern "C" fn create_conn_callback(
        _session: *mut bindings::iscsi_cls_session,
        _cid: u32,
    ) -> *mut bindings::iscsi_cls_conn {
        null_mut()
    }

    unsafe extern "C" fn bind_conn_callback(
        _session: *mut bindings::iscsi_cls_session,
        _conn: *mut bindings::iscsi_cls_conn,
        _transport_eph: u64,
        _is_leading: c_int,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    unsafe extern "C" fn start_conn_callback(_conn: *mut bindings::iscsi_cls_conn) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    unsafe extern "C" fn stop_conn_callback(_conn: *mut bindings::iscsi_cls_conn, _flag: c_int) {}

    unsafe extern "C" fn unbind_conn_callback(
        _conn: *mut bindings::iscsi_cls_conn,
        _is_active: bool,
    ) {
    }

    unsafe extern "C" fn destroy_conn_callback(_conn: *mut bindings::iscsi_cls_conn) {}

    unsafe extern "C" fn set_param_callback(
        _conn: *mut bindings::iscsi_cls_conn,
        _param: bindings::iscsi_param,
        _buf: *mut c_char,
        _len: c_int,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    unsafe extern "C" fn set_host_param_callback(
        _host: *mut bindings::Scsi_Host,
        _param: bindings::iscsi_host_param,
        _buf: *mut c_char,
        _len: c_int,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    unsafe extern "C" fn get_ep_param_callback(
        _ep: *mut bindings::iscsi_endpoint,
        _param: bindings::iscsi_param,
        _buf: *mut c_char,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    unsafe extern "C" fn send_pdu_callback(
        _conn: *mut bindings::iscsi_cls_conn,
        _hdr: *mut bindings::iscsi_hdr,
        _data: *mut c_char,
        _len: u32,
    ) -> c_int {
        EOPNOTSUPP.to_errno()
    }

    /// The class has zeroed the counters, and zero they stay: ours are asked for elsewhere.
    unsafe extern "C" fn get_stats_callback(
        _conn: *mut bindings::iscsi_cls_conn,
        _stats: *mut bindings::iscsi_stats,
    ) {
    }

    const TABLE: bindings::iscsi_transport = bindings::iscsi_transport {
        owner: this_module::<crate::LocalModule>().as_ptr().cast(),
        name: as_char_ptr_in_const_context(NAME).cast_mut(),
        caps: CAPS,

        // What the class shows.
        get_session_param: Some(Self::get_session_param_callback),
        get_conn_param: Some(Self::get_conn_param_callback),
        get_host_param: Some(Self::get_host_param_callback),
        attr_is_visible: Some(Self::attr_is_visible_callback),
        session_recovery_timedout: Some(Self::recovery_timed_out_callback),

        // Called without a test for null: refuse.
        create_session: Some(Self::create_session_callback),
        destroy_session: Some(Self::destroy_session_callback),
        create_conn: Some(Self::create_conn_callback),
        bind_conn: Some(Self::bind_conn_callback),
        unbind_conn: Some(Self::unbind_conn_callback),
        start_conn: Some(Self::start_conn_callback),
        stop_conn: Some(Self::stop_conn_callback),
        destroy_conn: Some(Self::destroy_conn_callback),
        set_param: Some(Self::set_param_callback),
        set_host_param: Some(Self::set_host_param_callback),
        get_ep_param: Some(Self::get_ep_param_callback),
        send_pdu: Some(Self::send_pdu_callback),
        get_stats: Some(Self::get_stats_callback),

        // For libiscsi, which we do not use.
        init_task: None,
        xmit_task: None,
        cleanup_task: None,
        alloc_pdu: None,
        xmit_pdu: None,
        init_pdu: None,
        parse_pdu_itt: None,
        check_protection: None,

        // Tested for null by the class, which refuses for us: endpoints, discovery and settings of
        // adapters, their flash memory, bsg.
        ep_connect: None,
        ep_poll: None,
        ep_disconnect: None,
        tgt_dscvr: None,
        set_path: None,
        set_iface_param: None,
        get_iface_param: None,
        bsg_request: None,
        send_ping: None,
        get_chap: None,
        delete_chap: None,
        set_chap: None,
        get_flashnode_param: None,
        set_flashnode_param: None,
        new_flashnode: None,
        del_flashnode: None,
        login_flashnode: None,
        logout_flashnode: None,
        logout_flashnode_sid: None,
        get_host_stats: None,
    };
}
