// SPDX-License-Identifier: GPL-2.0

//! The iSCSI transport class: what makes our sessions look like iSCSI sessions to the system.
//!
//! With it `/sys/class/iscsi_session` and `/sys/class/iscsi_connection` show each session, udev
//! makes its `by-path` links, `lsscsi -t` prints target names, multipath-tools find `recovery_tmo`,
//! and `iscsiadm -m session` of open-iscsi lists us. To use it:
//!
//! 1. Implement [`TransportOps`] for the data of the SCSI host, and register it once:
//!    [`Registration::new`].
//! 2. Add the host with [`Registration::add_host`].
//! 3. Add a session to it, [`ClsSession::add`], and a connection,
//!    [`ClsSession::add_connection`] with id 0: that is the one that udev looks for.
//! 4. After login: [`ClsSession::unblock`], [`ClsSession::start_scan`]. When the connection is
//!    lost: [`ClsSession::block`].
//! 5. To log out, while still logged in: [`ClsSession::remove_target`], so that disks can write
//!    their caches out. Then log out, drop the [`ClsSession`], and only then the host.
//!
//! | Rust | C |
//! |---|---|
//! | [`Registration`] | `struct iscsi_transport`, registered, unregistered |
//! | [`TransportOps`] | its callbacks |
//! | [`ClsSession`] | `struct iscsi_cls_session` with its `struct iscsi_cls_conn`s |
//!
//! # Nobody but us drives these sessions
//!
//! Sessions made in the kernel have the creator -1, so `iscsid` neither adopts them nor logs them
//! in, and the capabilities say that login is ours. But any root process may call the callbacks of
//! any transport over `NETLINK_ISCSI`: here all that would create or change something refuse. What
//! the class does without asking can still happen: a session is unbound from its target (its disks
//! go away), or the displayed state of a connection is wrong until it changes next.
//!
//! C header: [`include/scsi/scsi_transport_iscsi.h`](srctree/include/scsi/scsi_transport_iscsi.h)

mod ops;
mod params;
mod session;

pub(crate) use self::{
    ops::{
        Registration,
        TransportOps, //
    },
    params::{
        ConnectionParam,
        HostParam,
        SessionParam, //
    },
    session::{ClsSession, ConnectionState},
};
