// SPDX-License-Identifier: GPL-2.0

//! iSCSI initiator (RFC 7143).

#![deny(unsafe_code)]

use kernel::{
    prelude::*,
    sync::Arc, //
};

mod config;
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

struct IscsiModule {
    _initiator: Arc<engine::Initiator>,
}

impl kernel::Module for IscsiModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(IscsiModule {
            _initiator: engine::Initiator::new(|_| ())?,
        })
    }
}
