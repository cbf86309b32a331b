// SPDX-License-Identifier: GPL-2.0

//! Login parameters of single targets.

use super::{
    param,
    target::{
        has_session,
        sessions, //
    },
    text,
    uapi::{
        target_param as kind,
        target_param_change as change_kind, //
    },
    Control, //
};
use crate::{
    config::{
        Config,
        Overrides, //
    },
    engine::Connection,
    linux::genl::{
        Answer,
        Attr,
        Dump,
        Full,
        Refusal,
        Request,
        Writer, //
    },
    proto::{
        names::IscsiName,
        negotiate::Offer, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// `target-param-get` of one target
#[inline(never)]
pub(super) fn get(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let name = read_target(request)?;
    let known = {
        let config = control.initiator.config();
        !config.overrides(&name).is_empty()
            || config.statics().iter().any(|entry| entry.name == name)
    };
    if !known && !has_session(control, &name) {
        return Err(Refusal::new(ENOENT, format_args!("target not found")));
    }
    let mut reply = request.reply()?;
    Entry::of(control, &name).write(&mut reply.writer())?;
    Ok(Answer::Message(reply))
}

/// `target-param-get` of all targets
#[inline(never)]
pub(super) fn dump(control: &Control, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let generation = control.initiator.config().generation();
    dump.generation(generation);
    // A name does not fit the cursor, so count.
    let mut last = None;
    for _ in 0..dump.cursor().index {
        last = next_target(control, last.as_ref());
        if last.is_none() {
            return Ok(());
        }
    }
    while let Some(name) = next_target(control, last.as_ref()) {
        let entry = Entry::of(control, &name);
        if dump.entry(|to| entry.write(to))?.is_break() {
            return Ok(());
        }
        let index = &mut dump.cursor().index;
        *index = index.saturating_add(1);
        last = Some(name);
    }
    Ok(())
}

/// `target-param-set`
#[inline(never)]
pub(super) fn set(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let attrs = request.attrs();
    attrs.need(change_kind::TARGET_NAME, "target name")?;
    let change = param::read(&attrs.need(change_kind::CONFIGURED, "login parameters")?)?;

    let _changes = control.changes.lock();
    control.initiator.config().change_targets(|config| {
        attrs
            .iter()
            .filter(|attr| attr.kind() == change_kind::TARGET_NAME)
            .try_for_each(|attr| set_one(config, &attr, &change))
    })?;
    Ok(Answer::Done)
}

/// Sets parameters of the target that an attribute names.
#[inline(never)]
fn set_one(config: &mut Config, attr: &Attr<'_>, change: &Overrides) -> Result<(), Refusal> {
    config
        .change_overrides(&text::read_name(attr)?, change)
        .map_err(|error| text::refuse_change(attr, error))
}

/// `target-param-del`
#[inline(never)]
pub(super) fn del(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let name = read_target(request)?;

    let _changes = control.changes.lock();
    control.initiator.config().clear_overrides(&name)?;
    Ok(Answer::Done)
}

/// What is told about a target.
struct Entry<'a> {
    name: &'a IscsiName,
    /// With its alias.
    connection: Option<Arc<Connection>>,
    configured: Overrides,
    defaults: Offer,
}

impl<'a> Entry<'a> {
    fn of(control: &Control, name: &'a IscsiName) -> Self {
        let connection = find_connection(control, name);
        let config = control.initiator.config();
        Self {
            name,
            connection,
            configured: config.overrides(name),
            defaults: config.defaults(),
        }
    }

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Full> {
        to.str(kind::TARGET_NAME, self.name.as_str())?;
        if let Some(connection) = &self.connection {
            let alias = connection.negotiated.target_alias.as_str();
            if !alias.is_empty() {
                to.str(kind::TARGET_ALIAS, alias)?;
            }
        }
        to.nest(kind::CONFIGURED, |to| {
            param::write(to, |key| self.configured.get(key))
        })?;
        to.nest(kind::DEFAULTS, |to| {
            param::write(to, |key| self.defaults.get(key))
        })
    }
}

fn read_target(request: &Request<'_>) -> Result<IscsiName, Refusal> {
    text::read_name(&request.attrs().need(kind::TARGET_NAME, "target name")?)
}

/// The known target whose name comes next behind `last`.
fn next_target(control: &Control, last: Option<&IscsiName>) -> Option<IscsiName> {
    let mut next: Option<IscsiName> = None;
    let mut consider = |name: &IscsiName| {
        let bytes = name.as_bytes();
        if last.is_none_or(|last| bytes > last.as_bytes())
            && next.is_none_or(|next| bytes < next.as_bytes())
        {
            next = Some(*name);
        }
    };
    {
        let config = control.initiator.config();
        config.targets().iter().for_each(|t| consider(&t.name));
        config.statics().iter().for_each(|t| consider(&t.name));
    }
    sessions(control).for_each(|session| consider(&session.target.name));
    next
}

/// The connection with a target, if there is one.
fn find_connection(control: &Control, name: &IscsiName) -> Option<Arc<Connection>> {
    sessions(control)
        .filter(|session| session.target.name == *name)
        .find_map(|session| session.connection())
}
