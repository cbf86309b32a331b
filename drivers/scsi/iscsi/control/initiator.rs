// SPDX-License-Identifier: GPL-2.0

//! What holds for the whole initiator.

use super::{
    param,
    text,
    uapi::initiator as kind,
    Control, //
};
use crate::{
    config::InitiatorChange,
    linux::genl::{
        Answer,
        Refusal,
        Request, //
    },
};

/// Version of the module.
const MODULE_VERSION: &str = "1.0";

/// `initiator-get`
#[inline(never)]
pub(super) fn get(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let mut reply = request.reply()?;
    let mut to = reply.writer();
    let config = control.initiator.config();
    let initiator = config.initiator();
    if let Some(name) = &initiator.name {
        to.str(kind::NODE_NAME, name.as_str())?;
    }
    if !initiator.alias.is_empty() {
        to.str(kind::NODE_ALIAS, initiator.alias.as_str())?;
    }
    if let Some(digest) = initiator.header_digest {
        param::write_digest(&mut to, kind::HEADER_DIGEST, digest)?;
    }
    if let Some(digest) = initiator.data_digest {
        param::write_digest(&mut to, kind::DATA_DIGEST, digest)?;
    }
    if config.is_loaded() {
        to.flag(kind::CONFIGURED)?;
    }
    to.u32(kind::GENERATION, config.generation())?;
    to.str(kind::MODULE_VERSION, MODULE_VERSION)?;
    Ok(Answer::Message(reply))
}

/// `initiator-set`
#[inline(never)]
pub(super) fn set(control: &Control, request: &Request<'_>) -> Result<Answer, Refusal> {
    let attrs = request.attrs();
    let mut change = InitiatorChange::default();
    if let Some(attr) = attrs.find(kind::NODE_NAME) {
        change.name = Some(text::read_name(&attr)?);
    }
    if let Some(attr) = attrs.find(kind::NODE_ALIAS) {
        change.alias = Some(text::read_alias(&attr)?);
    }
    if let Some(attr) = attrs.find(kind::HEADER_DIGEST) {
        change.header_digest = Some(param::read_digest(&attr)?);
    }
    if let Some(attr) = attrs.find(kind::DATA_DIGEST) {
        change.data_digest = Some(param::read_digest(&attr)?);
    }

    let _changes = control.changes.lock();
    let mut config = control.initiator.config();
    config.change_initiator(&change);
    if attrs.find(kind::CONFIGURED).is_some() {
        config.set_loaded();
    }
    Ok(Answer::Done)
}
