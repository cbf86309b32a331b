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
        lun,
        session_state,
        target as kind, //
    },
    Control, //
};
use crate::{
    engine::{
        Counters,
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
use kernel::prelude::*;

/// Parts of the list of targets.
const SESSIONS: u32 = 0;
const WITHOUT_SESSION: u32 = 1;

/// `target-get`
pub(super) fn dump(control: &Control, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let generation = control.initiator.config().lock().generation();
    dump.generation(generation);
    while dump.cursor().part == SESSIONS {
        match control.initiator.session_from(dump.cursor().id) {
            Some(session) => {
                let info = session.info();
                if dump.entry(|to| write(to, &session, &info))?.is_break() {
                    return Ok(());
                }
                dump.cursor().id = session.id.saturating_add(1);
            }
            None => dump.cursor().part = WITHOUT_SESSION,
        }
    }
    loop {
        let index = dump.cursor().index;
        let name = {
            let config = control.initiator.config().lock();
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
    while let Some(session) = control.initiator.session_from(dump.cursor().id) {
        if only.is_none_or(|id| id == session.id) && dump_luns_of(&session, dump)?.is_break() {
            return Ok(());
        }
        dump.cursor().id = session.id.saturating_add(1);
        dump.cursor().index = 0;
    }
    Ok(())
}

/// `target-rescan`
pub(super) fn rescan(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let name = request
        .attrs()
        .find(kind::TARGET_NAME)
        .map(|attr| text::read_name(&attr))
        .transpose()?;
    let mut found = name.is_none();
    let mut from = 0;
    while let Some(session) = control.initiator.session_from(from) {
        if name.is_none_or(|name| name == session.target.name) {
            found = true;
            if session.info().state == SessionState::LoggedIn {
                session.rescan().map_err(|error| {
                    Refusal::new(
                        error,
                        format_args!(
                            "session {}: rescan failed, error {}",
                            session.id,
                            error.to_errno()
                        ),
                    )
                })?;
            }
        }
        from = session.id.saturating_add(1);
    }
    if !found {
        return Err(Refusal::new(
            ENOENT,
            format_args!("no session with this target"),
        ));
    }
    Ok(Answer::Done)
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

/// Whether there is a session with a target.
pub(super) fn has_session(control: &Control, name: &IscsiName) -> bool {
    let mut from = 0;
    while let Some(session) = control.initiator.session_from(from) {
        if session.target.name == *name {
            return true;
        }
        from = session.id.saturating_add(1);
    }
    false
}

fn write(to: &mut Writer<'_>, session: &Session, info: &SessionInfo) -> Result<(), Full> {
    let target = &session.target;
    to.u32(kind::SESSION_ID, session.id)?;
    if let Some(host) = info.host_no {
        to.u32(kind::HOST, host)?;
    }
    to.str(kind::TARGET_NAME, target.name.as_str())?;
    if let Some(negotiated) = &info.negotiated {
        let alias = negotiated.target_alias.as_str();
        if !alias.is_empty() {
            to.str(kind::TARGET_ALIAS, alias)?;
        }
    }
    to.u32(kind::STATE, state_number(info.state))?;
    to.u32(kind::DISCOVERY_METHODS, discovery_method::STATIC)?;
    to.bytes(kind::ISID, &info.isid.0)?;
    if let Some(tsih) = info.tsih {
        to.u16(kind::TSIH, tsih.get())?;
    }
    let negotiated = info.negotiated.as_ref();
    let tpgt = negotiated.and_then(|result| result.target_portal_group_tag);
    if let Some(tpgt) = tpgt.or(target.tpgt.map(|Tpgt(tpgt)| tpgt)) {
        to.u16(kind::TPGT, tpgt)?;
    }
    portal::write(to, kind::PORTAL, &target.portal)?;
    if !info.last_error.is_empty() {
        to.str(kind::LAST_ERROR, info.last_error.as_str())?;
    }
    if let Some(error) = info.last_errno {
        to.u32(kind::LAST_ERRNO, error.to_errno().unsigned_abs())?;
    }
    to.nest(kind::COUNTERS, |to| write_counters(to, &info.counters))?;
    to.nest(kind::CONNECTION, |to| write_connection(to, info))
}

fn write_connection(to: &mut Writer<'_>, info: &SessionInfo) -> Result<(), Full> {
    to.u16(connection::CID, info.cid.0)?;
    to.u32(connection::STATE, phase_number(info.connection_state))?;
    if let Some(local) = &info.local {
        portal::write(to, connection::LOCAL, local)?;
    }
    if let Some(peer) = &info.peer {
        portal::write(to, connection::PEER, peer)?;
    }
    let Some(negotiated) = &info.negotiated else {
        return Ok(());
    };
    to.nest(connection::NEGOTIATED, |to| {
        param::write(to, |key| negotiated.get(key))?;
        to.u32(
            login_params::TARGET_MAX_RECV_DATA_SEGMENT_LENGTH,
            negotiated.target_max_recv_data_segment_length,
        )
    })
}

fn write_counters(to: &mut Writer<'_>, values: &Counters) -> Result<(), Full> {
    to.uint(counters::LOGINS, values.logins)?;
    to.uint(counters::LOGIN_FAILURES, values.login_failures)?;
    to.uint(counters::CONNECTION_LOSSES, values.connection_losses)?;
    to.uint(counters::PROTOCOL_ERRORS, values.protocol_errors)?;
    to.uint(counters::HEADER_DIGEST_ERRORS, values.header_digest_errors)?;
    to.uint(counters::DATA_DIGEST_ERRORS, values.data_digest_errors)?;
    to.uint(counters::TX_BYTES, values.tx_bytes)?;
    to.uint(counters::RX_BYTES, values.rx_bytes)?;
    to.uint(counters::COMMANDS, values.commands)
}

/// Adds the logical units of a session to a dump, from the cursor's index on.
fn dump_luns_of(session: &Session, dump: &mut Dump<'_>) -> Result<ControlFlow<()>, Refusal> {
    let Some(host) = session.info().host_no else {
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
