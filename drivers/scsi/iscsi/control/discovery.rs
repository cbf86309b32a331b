// SPDX-License-Identifier: GPL-2.0

//! Which discovery methods are enabled.

use super::{
    target::sessions,
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
            disconnect_all(control).ok();
            return Err(text::no_session(error));
        }
        from = entry.id.saturating_add(1);
    }
    control.initiator.config().set_static_enabled(true);
    Ok(())
}

/// Logs out of all static targets, or of none if one is in use.
fn disable_static(control: &Control) -> Result<(), Refusal> {
    disconnect_all(control)?;
    control.initiator.config().set_static_enabled(false);
    Ok(())
}

/// Ends all sessions or none.
fn disconnect_all(control: &Control) -> Result<(), Refusal> {
    let mut all = KVec::new();
    for session in sessions(control) {
        all.push(session, GFP_KERNEL)?;
    }
    control.initiator.disconnect(&all).map_err(|session| {
        let text = text::InUse(session.target.name.as_str());
        Refusal::new(EBUSY, format_args!("{text}"))
    })
}
