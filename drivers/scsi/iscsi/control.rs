// SPDX-License-Identifier: GPL-2.0

//! The control interface: requests over generic netlink come in, answers, lists and events go out.
//!
//! The interface is specified in `Documentation/netlink/specs/iscsi.yaml`; [`uapi`] has its
//! numbers. [`Control`] serves it, with one function for each operation in the modules below, and
//! [`notify`] tells listeners what the sessions do.
//!
//! Requests run at the same time. Those that change something are served one after the other under
//! `Control::changes`, which may be held for as long as a logout takes. The configuration has a
//! lock of its own, held for moments only, so that lists and logins never wait for a logout.
//! Order: `changes` → configuration.
//!
//! Imports `config`, `engine`, `proto` and `linux::genl`.

mod discovery;
mod events;
mod initiator;
mod param;
mod portal;
mod static_config;
mod target;
mod target_param;
mod text;
pub(crate) mod uapi;

pub(crate) use self::events::notify;

use self::uapi::cmd;
use crate::{
    engine::Initiator,
    linux::genl::{
        Answer,
        Dump,
        Handler,
        Refusal,
        Registration,
        Request, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// Serves the control interface.
#[pin_data]
pub(crate) struct Control {
    initiator: Arc<Initiator>,
    /// Held while something is being changed.
    #[pin]
    changes: Mutex<()>,
}

/// Starts to serve the control interface for `initiator`, until the registration is dropped.
///
/// # Errors
///
/// `ENOMEM`, or those of [`Registration::new`].
pub(crate) fn serve(initiator: Arc<Initiator>) -> Result<Registration> {
    let control = Arc::pin_init(
        pin_init!(Control {
            initiator,
            changes <- new_mutex!((), "Control::changes"),
        }),
        GFP_KERNEL,
    )?;
    Registration::new(control)
}

// The operations are not inlined: each would have the stack that all of them together need.
impl Handler for Control {
    fn doit(&self, request: &Request<'_>) -> Result<Answer, Refusal> {
        match request.command() {
            cmd::INITIATOR_GET => initiator::get(self, request),
            cmd::INITIATOR_SET => initiator::set(self, request),
            cmd::DISCOVERY_GET => discovery::get(self, request),
            cmd::DISCOVERY_SET => discovery::set(self, request),
            cmd::STATIC_ADD => static_config::add(self, request),
            cmd::STATIC_DEL => static_config::del(self, request),
            cmd::TARGET_PARAM_GET => target_param::get(self, request),
            cmd::TARGET_PARAM_SET => target_param::set(self, request),
            cmd::TARGET_PARAM_DEL => target_param::del(self, request),
            cmd::TARGET_RESCAN => target::rescan(self, request),
            _ => Err(text::unknown_operation()),
        }
    }

    fn dumpit(&self, request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
        match request.command() {
            cmd::STATIC_GET => static_config::dump(self, dump),
            cmd::TARGET_PARAM_GET => target_param::dump(self, dump),
            cmd::TARGET_GET => target::dump(self, dump),
            cmd::LUN_GET => target::dump_luns(self, request, dump),
            _ => Err(text::unknown_operation()),
        }
    }
}
