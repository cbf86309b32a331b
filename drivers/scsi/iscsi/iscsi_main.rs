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
}

/// What lives as long as the module.
struct IscsiModule {
    /// Holds all else: the configuration and the sessions. Each session keeps the module loaded.
    _control: genl::Registration,
}

impl kernel::Module for IscsiModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let initiator = engine::Initiator::new(control::notify)?;
        Ok(IscsiModule {
            _control: control::serve(initiator)?,
        })
    }
}
