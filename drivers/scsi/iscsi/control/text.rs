// SPDX-License-Identifier: GPL-2.0

//! What users are told: each error of the rooms below as an errno and a sentence.

use crate::{
    config::{
        ConfigError,
        ParamError, //
    },
    linux::genl::{
        Attr,
        Refusal, //
    },
    proto::names::{
        Alias,
        IscsiName, //
    },
};
use core::fmt;
use kernel::prelude::*;

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::new(config_errno(error), format_args!("{error}"))
    }
}

/// A refused change of the configuration, which this attribute asks for.
pub(super) fn refuse_change(attr: &Attr<'_>, error: ConfigError) -> Refusal {
    attr.refuse(config_errno(error), format_args!("{error}"))
}

/// A refused login parameter.
pub(super) fn refuse_param(attr: &Attr<'_>, error: ParamError) -> Refusal {
    attr.refuse(param_errno(error), format_args!("{error}"))
}

/// The operation is in the table but not served: a bug of ours.
pub(super) fn unknown_operation() -> Refusal {
    Refusal::new(EOPNOTSUPP, format_args!("this operation is not supported"))
}

/// Sessions cannot be made yet.
pub(super) fn no_node_name() -> Refusal {
    Refusal::new(
        EINVAL,
        format_args!("initiator node name is not set, set it first"),
    )
}

/// A logical unit keeps this session from being logged out.
pub(super) struct InUse<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for InUse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What may be long is behind the rest, as it is cut.
        write!(f, "a disk is open or mounted: {}", self.0)
    }
}

/// The engine cannot make a session.
pub(super) fn no_session(error: Error) -> Refusal {
    Refusal::new(error, format_args!("cannot create a session"))
}

/// Reads an iSCSI name.
pub(super) fn read_name(attr: &Attr<'_>) -> Result<IscsiName, Refusal> {
    IscsiName::parse(attr.str()?).map_err(|error| attr.refuse(EINVAL, format_args!("{error}")))
}

/// Reads an alias.
pub(super) fn read_alias(attr: &Attr<'_>) -> Result<Alias, Refusal> {
    Alias::parse(attr.str()?).map_err(|error| attr.refuse(EINVAL, format_args!("{error}")))
}

/// Reads a switch.
pub(super) fn read_switch(attr: &Attr<'_>) -> Result<bool, Refusal> {
    match attr.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(attr.refuse(EINVAL, format_args!("value must be 0 or 1"))),
    }
}

fn config_errno(error: ConfigError) -> Error {
    match error {
        ConfigError::Exists => EEXIST,
        ConfigError::NotFound => ENOENT,
        ConfigError::TooMany(_) => ENOSPC,
        ConfigError::Param(error) => param_errno(error),
        ConfigError::NoMemory => ENOMEM,
    }
}

fn param_errno(error: ParamError) -> Error {
    match error {
        ParamError::NotSupported(_) => EOPNOTSUPP,
        ParamError::OutOfRange { .. }
        | ParamError::WrongKind(_)
        | ParamError::FirstBurstAboveMaxBurst
        | ParamError::MaxBurstBelowFirstBurst
        | ParamError::Inconsistent => EINVAL,
    }
}
