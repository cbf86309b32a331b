// SPDX-License-Identifier: GPL-2.0

//! Statically configured targets.

use super::{
    portal,
    target::sessions,
    text,
    uapi::{
        static_config as kind,
        static_selection as selection, //
    },
    Control, //
};
use crate::{
    config::{
        EndPoint,
        StaticPattern,
        StaticTarget, //
    },
    engine::Session,
    linux::genl::{
        Answer,
        Attr,
        Attrs,
        Dump,
        Full,
        Refusal,
        Request,
        Writer, //
    },
    proto::address::Tpgt,
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};

/// `static-add`
#[inline(never)]
pub(super) fn add(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    request.attrs().need(selection::ENTRY, "entry")?;

    let _changes = control.changes.lock();
    let mut added = KVVec::new();
    let made = selected(request)
        .try_for_each(|attr| add_one(control, &attr, &mut added))
        .and_then(|()| connect(control, &added));
    if made.is_err() {
        // Nobody can use their disks yet, unless by chance: then they stay, and show.
        remove(control, request, &added).ok();
    }
    made.map(|()| Answer::Done)
}

/// Adds the entry of an attribute, and its number to those that were added.
#[inline(never)]
fn add_one(control: &Control, attr: &Attr<'_>, added: &mut KVVec<u32>) -> Result<(), Refusal> {
    let attrs = attr.nest();
    let name = text::read_name(&attrs.need(kind::TARGET_NAME, "target name")?)?;
    let portal = portal::read(&attrs.need(kind::PORTAL, "target address")?)?;
    let tpgt = read_tpgt(&attrs)?;
    added.reserve(1, GFP_KERNEL)?;
    let entry = control
        .initiator
        .config()
        .add_static(name, portal, tpgt)
        .map_err(|error| text::refuse_change(attr, error))?;
    Ok(added.push(entry.id, GFP_KERNEL)?)
}

/// Connects to the targets of these entries, if static discovery is enabled.
#[inline(never)]
fn connect(control: &Control, ids: &[u32]) -> Result<(), Refusal> {
    {
        let config = control.initiator.config();
        if !config.static_enabled() {
            return Ok(());
        }
        if config.initiator().name.is_none() {
            return Err(text::no_node_name());
        }
    }
    ids.iter().try_for_each(|&id| {
        let entry = control.initiator.config().static_from(id);
        match entry {
            Some(entry) => control
                .initiator
                .connect(&entry.end_point())
                .map_err(text::no_session),
            None => Ok(()),
        }
    })
}

/// `static-del`
#[inline(never)]
pub(super) fn del(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    request.attrs().need(selection::ENTRY, "entry")?;

    let _changes = control.changes.lock();
    let mut going = KVVec::new();
    for attr in selected(request) {
        find(control, &attr, &mut going)?;
    }
    remove(control, request, &going)?;
    Ok(Answer::Done)
}

/// Removes the entries with these numbers, which are in order, and ends the sessions that no other
/// entry wants.
fn remove(control: &Control, request: &Request<'_>, going: &[u32]) -> Result<(), Refusal> {
    let (mut touched, mut ending) = (KVec::new(), KVec::new());
    for session in sessions(control) {
        let effect = effect(control, &session, going);
        if let Effect::Ends = effect {
            ending.push(session.clone(), GFP_KERNEL)?;
        }
        if let Effect::Ends | Effect::Stays = effect {
            touched.push(session, GFP_KERNEL)?;
        }
    }
    control
        .initiator
        .disconnect(&ending)
        .map_err(|session| in_use(request, &session.target))?;
    control.initiator.config().remove_statics(going);
    touched
        .iter()
        .try_for_each(|session| reconnect(control, &session.target))
}

/// The attributes that say which entries are meant.
fn selected<'a>(request: &Request<'a>) -> impl Iterator<Item = Attr<'a>> {
    let attrs = request.attrs().iter();
    attrs.filter(|attr| attr.kind() == selection::ENTRY)
}

/// Adds the numbers of the entries that are meant, which stay in order.
#[inline(never)]
fn find(control: &Control, attr: &Attr<'_>, going: &mut KVVec<u32>) -> Result<(), Refusal> {
    let pattern = read_pattern(attr)?;
    let mut from = 0;
    let mut found = false;
    loop {
        let entry = control
            .initiator
            .config()
            .matching_static_from(from, &pattern);
        let Some(id) = entry.map(|entry| entry.id) else {
            break;
        };
        // In order, as the kernel's objtool does not understand the sorting of `core`.
        if let Err(at) = going.binary_search(&id) {
            going.reserve(1, GFP_KERNEL)?;
            going
                .insert_within_capacity(at, id)
                .map_err(|_| AllocError)?;
        }
        found = true;
        from = id.saturating_add(1);
    }
    if found {
        Ok(())
    } else {
        Err(attr.refuse(ENOENT, format_args!("static configuration not found")))
    }
}

/// What a removal of entries does to a session.
enum Effect {
    /// None of them is for it.
    Nothing,
    /// Another entry wants it as it is.
    Stays,
    /// No other entry does.
    Ends,
}

fn effect(control: &Control, session: &Session, going: &[u32]) -> Effect {
    let group = session
        .connection()
        .and_then(|connection| connection.portal_group());
    let config = control.initiator.config();
    let (mut is_touched, mut is_wanted) = (false, false);
    for entry in config.statics() {
        if !entry.is_at(&session.target) {
            continue;
        }
        if going.binary_search(&entry.id).is_ok() {
            is_touched = true;
        } else {
            // Without a connection it will ask for what is wanted then.
            is_wanted |= group.is_none_or(|group| entry.takes(group));
        }
    }
    match (is_touched, is_wanted) {
        (false, _) => Effect::Nothing,
        (true, true) => Effect::Stays,
        (true, false) => Effect::Ends,
    }
}

/// The refusal of a removal that would end a session with this end point.
#[inline(never)]
fn in_use(request: &Request<'_>, place: &EndPoint) -> Refusal {
    let text = text::InUse(place.portal);
    let by = selected(request)
        .find(|attr| read_pattern(attr).is_ok_and(|pattern| pattern.touches(place)));
    match by {
        Some(attr) => attr.refuse(EBUSY, format_args!("{text}")),
        None => Refusal::new(EBUSY, format_args!("{text}")),
    }
}

/// Lets a session log in for the entries that are left.
fn reconnect(control: &Control, place: &EndPoint) -> Result<(), Refusal> {
    if !control.initiator.config().has_static_at(place) {
        return Ok(());
    }
    control.initiator.connect(place).map_err(text::no_session)
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

#[inline(never)]
fn read_pattern(attr: &Attr<'_>) -> Result<StaticPattern, Refusal> {
    let attrs = attr.nest();
    Ok(StaticPattern {
        name: text::read_name(&attrs.need(kind::TARGET_NAME, "target name")?)?,
        portal: attrs
            .find(kind::PORTAL)
            .map(|attr| portal::read(&attr))
            .transpose()?,
        tpgt: read_tpgt(&attrs)?,
    })
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
