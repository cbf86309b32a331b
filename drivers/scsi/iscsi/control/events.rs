// SPDX-License-Identifier: GPL-2.0

//! What sessions do, told to everybody who listens.

use super::{
    target::state_number,
    uapi::{
        cmd,
        event as kind, //
    },
};
use crate::{
    engine::SessionEvent,
    linux::genl::{
        Full,
        Message,
        Writer, //
    },
};

/// Sends an event of a session to the multicast group `events`.
///
/// # Context
///
/// Sleeps, but not for memory; called without a spinlock.
pub(crate) fn notify(event: &SessionEvent<'_>) {
    let Ok(Some(mut message)) = Message::event(cmd::SESSION_EVENT) else {
        return;
    };
    if write(&mut message.writer(), event).is_ok() {
        // A listener that misses one is told so by its socket.
        let _ = message.multicast();
    }
}

fn write(to: &mut Writer<'_>, event: &SessionEvent<'_>) -> Result<(), Full> {
    to.u32(kind::SESSION_ID, event.id)?;
    to.str(kind::TARGET_NAME, event.target.as_str())?;
    to.u32(kind::OLD_STATE, state_number(event.old))?;
    to.u32(kind::NEW_STATE, state_number(event.new))?;
    if let Some(reason) = event.reason {
        to.str(kind::REASON, reason)?;
    }
    Ok(())
}
