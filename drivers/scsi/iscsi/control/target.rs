// SPDX-License-Identifier: GPL-2.0

//! Sessions and their logical units.

use super::{
    param,
    portal,
    text,
    uapi::{
        connection,
        connection_phase,
        counters,
        discovery_method,
        login_params,
        login_wait,
        lun,
        session_state,
        target as kind, //
    },
    Control, //
};
use crate::{
    engine::{
        Awaited,
        Connection,
        Session,
        SessionInfo, //
    },
    linux::genl::{
        Answer,
        Dump,
        Full,
        Refusal,
        Request,
        Writer, //
    },
    proto::{
        address::Tpgt,
        connection::ConnectionState,
        names::IscsiName,
        session::SessionState, //
    },
};
use core::ops::ControlFlow;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Parts of the list of targets.
const SESSIONS: u32 = 0;
const WITHOUT_SESSION: u32 = 1;

/// `target-get`
#[inline(never)]
pub(super) fn dump(control: &Control, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let generation = control.initiator.config().generation();
    dump.generation(generation);
    while dump.cursor().part == SESSIONS {
        let Some(session) = session_from(control, dump.cursor().id) else {
            dump.cursor().part = WITHOUT_SESSION;
            break;
        };
        let info = session.info();
        if dump.entry(|to| write(to, &session, &info))?.is_break() {
            return Ok(());
        }
        dump.cursor().id = session.id.saturating_add(1);
    }
    loop {
        let index = dump.cursor().index;
        let name = {
            let config = control.initiator.config();
            usize::try_from(index)
                .ok()
                .and_then(|at| config.targets().get(at))
                .map(|target| target.name)
        };
        let Some(name) = name else { return Ok(()) };
        if !has_session(control, &name) {
            let entry = dump.entry(|to| {
                to.str(kind::TARGET_NAME, name.as_str())?;
                to.u32(kind::DISCOVERY_METHODS, 0)
            })?;
            if entry.is_break() {
                return Ok(());
            }
        }
        dump.cursor().index = index.saturating_add(1);
    }
}

/// `lun-get`
#[inline(never)]
pub(super) fn dump_luns(
    control: &Control,
    request: &Request<'_>,
    dump: &mut Dump<'_>,
) -> Result<(), Refusal> {
    let only = request
        .attrs()
        .find(lun::SESSION_ID)
        .map(|attr| attr.u32())
        .transpose()?;
    while let Some(session) = session_from(control, dump.cursor().id) {
        if only.is_none_or(|id| id == session.id) && dump_luns_of(&session, dump)?.is_break() {
            return Ok(());
        }
        dump.cursor().id = session.id.saturating_add(1);
        dump.cursor().index = 0;
    }
    Ok(())
}

/// `target-rescan`
#[inline(never)]
pub(super) fn rescan(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let name = request
        .attrs()
        .find(kind::TARGET_NAME)
        .map(|attr| text::read_name(&attr))
        .transpose()?;
    let mut found = name.is_none();
    for session in sessions(control) {
        if name.is_some_and(|name| name != session.target.name) {
            continue;
        }
        found = true;
        match session.rescan() {
            Ok(()) => {}
            // Not logged in, or just going: nothing to look at.
            Err(error) if error == EAGAIN || error == ENODEV => {}
            Err(error) => return Err(rescan_failed(&session, error)),
        }
    }
    if !found {
        return Err(Refusal::new(
            ENOENT,
            format_args!("no session with this target"),
        ));
    }
    Ok(Answer::Done)
}

fn rescan_failed(session: &Session, error: Error) -> Refusal {
    Refusal::new(error, format_args!("session {}: rescan failed", session.id))
}

/// The number of a session's state.
pub(super) fn state_number(state: SessionState) -> u32 {
    match state {
        SessionState::Free => session_state::FREE,
        SessionState::LoggedIn => session_state::LOGGED_IN,
        SessionState::Failed => session_state::FAILED,
        SessionState::InFlush => session_state::IN_FLUSH,
        SessionState::Flushed => session_state::FLUSHED,
    }
}

fn phase_number(state: ConnectionState) -> u32 {
    match state {
        ConnectionState::Free => connection_phase::FREE,
        ConnectionState::InLogin => connection_phase::IN_LOGIN,
        ConnectionState::LoggedIn => connection_phase::LOGGED_IN,
        ConnectionState::InLogout => connection_phase::IN_LOGOUT,
        ConnectionState::Failed => connection_phase::FAILED,
        ConnectionState::Polling => connection_phase::POLLING,
    }
}

fn wait_number(awaited: Awaited) -> u32 {
    match awaited {
        Awaited::Connection => login_wait::CONNECTION,
        Awaited::Response => login_wait::RESPONSE,
    }
}

/// All sessions, in the order of their numbers.
pub(super) fn sessions(control: &Control) -> impl Iterator<Item = Arc<Session>> + '_ {
    let mut last = None;
    core::iter::from_fn(move || {
        let session = control.initiator.session_after(last)?;
        last = Some(session.id);
        Some(session)
    })
}

/// Whether there is a session with a target.
pub(super) fn has_session(control: &Control, name: &IscsiName) -> bool {
    sessions(control).any(|session| session.target.name == *name)
}

/// The first session whose number is at least `id`.
fn session_from(control: &Control, id: u32) -> Option<Arc<Session>> {
    control.initiator.session_after(id.checked_sub(1))
}

fn write(to: &mut Writer<'_>, session: &Session, info: &SessionInfo) -> Result<(), Full> {
    let target = &session.target;
    let connection = info.connection.as_deref();
    let negotiated = connection.map(|connection| &connection.negotiated);
    to.u32(kind::SESSION_ID, session.id)?;
    if let Some(host) = info.host {
        to.u32(kind::HOST, host)?;
    }
    to.str(kind::TARGET_NAME, target.name.as_str())?;
    if let Some(alias) = negotiated.map(|agreed| agreed.target_alias.as_str()) {
        if !alias.is_empty() {
            to.str(kind::TARGET_ALIAS, alias)?;
        }
    }
    to.u32(kind::STATE, state_number(info.state))?;
    to.u32(kind::DISCOVERY_METHODS, discovery_method::STATIC)?;
    to.bytes(kind::ISID, &session.isid.0)?;
    if let Some(tsih) = info.tsih {
        to.u16(kind::TSIH, tsih.get())?;
    }
    if let Some(Tpgt(tpgt)) = session.portal_group() {
        to.u16(kind::TPGT, tpgt)?;
    }
    portal::write(to, kind::PORTAL, &target.portal)?;
    if !info.last_error.is_empty() {
        to.str(kind::LAST_ERROR, info.last_error.as_str())?;
    }
    to.nest(kind::COUNTERS, |to| {
        to.uint(counters::LOGIN_FAILURES, info.failed_logins.into())?;
        to.uint(counters::STRAY_PDUS, info.strays)?;
        if let Some(connection) = connection {
            to.uint(counters::TX_BYTES, connection.sent())?;
            to.uint(counters::RX_BYTES, connection.received())?;
        }
        Ok(())
    })?;
    to.nest(kind::CONNECTION, |to| {
        to.u32(connection::STATE, phase_number(info.connection_state))?;
        if let Some((awaited, ms)) = info.login {
            to.u32(connection::LOGIN_WAIT, wait_number(awaited))?;
            to.u32(connection::LOGIN_WAIT_MS, ms)?;
        }
        match connection {
            Some(connection) => write_connection(to, connection),
            None => Ok(()),
        }
    })
}

fn write_connection(to: &mut Writer<'_>, connection: &Connection) -> Result<(), Full> {
    to.u16(connection::CID, connection.cid.0)?;
    portal::write(to, connection::LOCAL, &portal::of(&connection.local))?;
    portal::write(to, connection::PEER, &portal::of(&connection.peer))?;
    let negotiated = &connection.negotiated;
    to.nest(connection::NEGOTIATED, |to| {
        param::write(to, |key| negotiated.get(key))?;
        to.u32(
            login_params::TARGET_MAX_RECV_DATA_SEGMENT_LENGTH,
            negotiated.target_max_recv_data_segment_length,
        )
    })
}

/// Adds the logical units of a session to a dump, from the cursor's index on.
fn dump_luns_of(session: &Session, dump: &mut Dump<'_>) -> Result<ControlFlow<()>, Refusal> {
    let Some(host) = session.info().host else {
        return Ok(ControlFlow::Continue(()));
    };
    let done = dump.cursor().index;
    let mut index = 0_u32;
    let mut outcome = Ok(ControlFlow::Continue(()));
    session.for_each_lun(|channel, id, number| {
        let this = index;
        index = index.saturating_add(1);
        if this < done || !matches!(outcome, Ok(ControlFlow::Continue(()))) {
            return;
        }
        outcome = dump.entry(|to| {
            to.u32(lun::SESSION_ID, session.id)?;
            to.str(lun::TARGET_NAME, session.target.name.as_str())?;
            to.u32(lun::HOST, host)?;
            to.u32(lun::CHANNEL, channel)?;
            to.u32(lun::ID, id)?;
            to.uint(lun::LUN, number)
        });
        if matches!(outcome, Ok(ControlFlow::Continue(()))) {
            dump.cursor().index = index;
        }
    });
    outcome
}
