// SPDX-License-Identifier: GPL-2.0

//! SCSI hosts and commands, for a low-level driver.
//!
//! To write a driver: implement [`HostOps`] for the object that stands for the host, make a
//! [`Host`] with it, add it, scan it. Read [`Command`] first: it is the ownership of one
//! `scsi_cmnd`.
//!
//! | Rust | C |
//! |---|---|
//! | [`Host`] | `struct Scsi_Host`, allocated, added, removed |
//! | [`HostOps`] | `struct scsi_host_template` |
//! | [`Command`] | `struct scsi_cmnd` between `queuecommand` and `scsi_done` |
//! | [`EhCommand`] | `struct scsi_cmnd` in the hands of the error handler |
//!
//! C headers: [`include/scsi/scsi_host.h`](srctree/include/scsi/scsi_host.h),
//! [`include/scsi/scsi_cmnd.h`](srctree/include/scsi/scsi_cmnd.h)

mod command;
mod host;

pub(crate) use self::{
    command::{
        Command,
        Direction,
        EhCommand,
        HostStatus, //
    },
    host::{
        Busy,
        DiskQueue,
        EhOutcome,
        Host,
        HostLimits,
        HostOps,
        TimeoutAction, //
    },
};
