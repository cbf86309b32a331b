// SPDX-License-Identifier: GPL-2.0

//! iSCSI initiator (RFC 7143).

#![deny(unsafe_code)]

use kernel::prelude::*;
use linux::genl;

mod config;
mod control;
mod engine;
#[allow(unsafe_code, reason = "the one room that may")]
mod linux;
pub mod proto;

module! {
    type: IscsiModule,
    name: "iscsi",
    authors: ["The iSCSI initiator authors"],
    description: "iSCSI initiator (RFC 7143)",
    license: "GPL v2",
    params: {
        logout_timeout: u32 {
            default: 5,
            description: "Seconds for the answer to a logout, 1 to 3600 (default 5)",
        },
        retry_delay: u32 {
            default: 5,
            description: "Seconds between two attempts to log in again, 1 to 3600 (default 5)",
        },
        nop_interval: u32 {
            default: 5,
            description: "Seconds of silence until a NOP-Out is sent, 1 to 3600 (default 5)",
        },
        nop_timeout: u32 {
            default: 20,
            description: "Seconds for the answer to a NOP-Out, 1 to 3600 (default 20)",
        },
        abort_timeout: u32 {
            default: 15,
            description: "Seconds for the answer to an ABORT TASK, 1 to 3600 (default 15)",
        },
        lu_reset_timeout: u32 {
            default: 30,
            description: "Seconds for the answer to a LOGICAL UNIT RESET, 1 to 3600 (default 30)",
        },
    },
}

/// What lives as long as the module.
struct IscsiModule {
    /// Holds all else: the configuration and the sessions. Each session keeps the module loaded.
    _control: genl::Registration,
}

impl kernel::Module for IscsiModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        config::limits::check_parameters()?;
        let initiator = engine::Initiator::new(control::notify)?;
        Ok(IscsiModule {
            _control: control::serve(initiator)?,
        })
    }
}
