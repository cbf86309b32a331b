// SPDX-License-Identifier: GPL-2.0

//! Statically configured targets.

use super::{
    portal,
    text,
    uapi::static_config as kind,
    Control, //
};
use crate::{
    config::{
        ConfigError,
        StaticPattern,
        StaticTarget, //
    },
    linux::genl::{
        Answer,
        Attrs,
        Dump,
        Full,
        Refusal,
        Request,
        Writer, //
    },
    proto::address::Tpgt,
};
use kernel::prelude::*;

/// `static-add`
#[inline(never)]
pub(super) fn add(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let attrs = request.attrs();
    let name = text::read_name(&attrs.need(kind::TARGET_NAME, "target name")?)?;
    let portal = portal::read(&attrs.need(kind::PORTAL, "target address")?)?;
    let tpgt = read_tpgt(&attrs)?;

    let _changes = control.changes.lock();
    let (entry, connect) = {
        let mut config = control.initiator.config();
        if config.static_enabled() && config.initiator().name.is_none() {
            return Err(text::no_node_name());
        }
        let entry = config
            .add_static(name, portal, tpgt)
            .map_err(|error| match error {
                ConfigError::Exists => {
                    Refusal::new(EEXIST, format_args!("static configuration exists already"))
                }
                other => other.into(),
            })?;
        (entry, config.static_enabled())
    };
    if connect {
        if let Err(error) = control.initiator.connect(&entry.end_point()) {
            control.initiator.config().remove_static(entry.id);
            return Err(text::no_session(error));
        }
    }
    Ok(Answer::Done)
}

/// `static-del`
#[inline(never)]
pub(super) fn del(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let attrs = request.attrs();
    let pattern = StaticPattern {
        name: text::read_name(&attrs.need(kind::TARGET_NAME, "target name")?)?,
        portal: attrs
            .find(kind::PORTAL)
            .map(|attr| portal::read(&attr))
            .transpose()?,
        tpgt: read_tpgt(&attrs)?,
    };

    let _changes = control.changes.lock();
    let mut from = 0;
    let mut outcome = None;
    loop {
        let entry = control
            .initiator
            .config()
            .matching_static_from(from, &pattern);
        let Some(entry) = entry else { break };
        // One that is in use does not keep the others from going.
        let removed = remove(control, &entry);
        if removed.is_err() || outcome.is_none() {
            outcome = Some(removed);
        }
        from = entry.id.saturating_add(1);
    }
    match outcome {
        Some(outcome) => outcome.map(|()| Answer::Done),
        None => Err(Refusal::new(
            ENOENT,
            format_args!("static configuration not found"),
        )),
    }
}

/// `static-get`
#[inline(never)]
pub(super) fn dump(control: &Control, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    loop {
        let from = dump.cursor().id;
        let entry = {
            let config = control.initiator.config();
            dump.generation(config.generation());
            config.static_from(from)
        };
        let Some(entry) = entry else { return Ok(()) };
        if dump.entry(|to| write(to, &entry))?.is_break() {
            return Ok(());
        }
        dump.cursor().id = entry.id.saturating_add(1);
    }
}

/// Logs out of a target and removes its entry. If another entry, of another tag, means the same
/// end point, that one takes over.
#[inline(never)]
fn remove(control: &Control, entry: &StaticTarget) -> Result<(), Refusal> {
    match control.initiator.disconnect(&entry.end_point()) {
        Err(error) if error != ENOENT => return Err(text::no_logout(error)),
        _ => {}
    }
    let heir = {
        let mut config = control.initiator.config();
        config.remove_static(entry.id);
        let pattern = StaticPattern {
            name: entry.name,
            portal: Some(entry.portal),
            tpgt: None,
        };
        let heir = config.matching_static_from(0, &pattern);
        heir.filter(|_| config.static_enabled())
    };
    match heir {
        Some(heir) => control
            .initiator
            .connect(&heir.end_point())
            .map_err(text::no_session),
        None => Ok(()),
    }
}

fn read_tpgt(attrs: &Attrs<'_>) -> Result<Option<Tpgt>, Refusal> {
    attrs
        .find(kind::TPGT)
        .map(|attr| attr.u16().map(Tpgt))
        .transpose()
}

fn write(to: &mut Writer<'_>, entry: &StaticTarget) -> Result<(), Full> {
    to.str(kind::TARGET_NAME, entry.name.as_str())?;
    portal::write(to, kind::PORTAL, &entry.portal)?;
    if let Some(Tpgt(tpgt)) = entry.tpgt {
        to.u16(kind::TPGT, tpgt)?;
    }
    Ok(())
}
