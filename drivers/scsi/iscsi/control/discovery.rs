// SPDX-License-Identifier: GPL-2.0

//! Which discovery methods are enabled.

use super::{
    text,
    uapi::discovery as kind,
    Control, //
};
use crate::linux::genl::{
    Answer,
    Refusal,
    Request, //
};
use kernel::prelude::*;

/// `discovery-get`
#[inline(never)]
pub(super) fn get(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let enabled = control.initiator.config().static_enabled();
    let mut reply = request.reply()?;
    reply.writer().u8(kind::STATIC, u8::from(enabled))?;
    Ok(Answer::Message(reply))
}

/// `discovery-set`
#[inline(never)]
pub(super) fn set(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let Some(attr) = request.attrs().find(kind::STATIC) else {
        return Ok(Answer::Done);
    };
    let enable = text::read_switch(&attr)?;

    let _changes = control.changes.lock();
    if control.initiator.config().static_enabled() == enable {
        return Ok(Answer::Done);
    }
    if enable {
        enable_static(control)?;
    } else {
        disable_static(control)?;
    }
    Ok(Answer::Done)
}

/// Connects to all static targets. If that fails for one, all is as before.
fn enable_static(control: &Control) -> Result<(), Refusal> {
    if control.initiator.config().initiator().name.is_none() {
        return Err(text::no_node_name());
    }
    let mut from = 0;
    loop {
        let entry = control.initiator.config().static_from(from);
        let Some(entry) = entry else { break };
        if let Err(error) = control.initiator.connect(&entry.end_point()) {
            disconnect_below(control, from).ok();
            return Err(text::no_session(error));
        }
        from = entry.id.saturating_add(1);
    }
    control.initiator.config().set_static_enabled(true);
    Ok(())
}

/// Logs out of all static targets. If one is in use, all are connected again.
fn disable_static(control: &Control) -> Result<(), Refusal> {
    let refusal = match disconnect_below(control, u32::MAX) {
        Ok(()) => {
            control.initiator.config().set_static_enabled(false);
            return Ok(());
        }
        Err(refusal) => refusal,
    };
    let mut from = 0;
    loop {
        let entry = control.initiator.config().static_from(from);
        let Some(entry) = entry else { break };
        // Those that are still there stay. One that cannot be made now is made by the next
        // disabling and enabling.
        control.initiator.connect(&entry.end_point()).ok();
        from = entry.id.saturating_add(1);
    }
    Err(refusal)
}

/// Logs out of the static targets with numbers below `end`, up to the first that is in use.
fn disconnect_below(control: &Control, end: u32) -> Result<(), Refusal> {
    let mut from = 0;
    loop {
        let entry = control.initiator.config().static_from(from);
        let Some(entry) = entry.filter(|entry| entry.id < end) else {
            return Ok(());
        };
        match control.initiator.disconnect(&entry.end_point()) {
            Err(error) if error != ENOENT => return Err(text::no_logout_of(&entry.name, error)),
            _ => from = entry.id.saturating_add(1),
        }
    }
}
