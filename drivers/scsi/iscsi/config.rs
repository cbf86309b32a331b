// SPDX-License-Identifier: GPL-2.0

//! The live configuration: what the operator has set, as plain data.
//!
//! [`Config`] holds it all, [`Overrides`] the login parameters set for one target, and
//! [`StaticTarget`] is an entry of static discovery. [`limits`] has the times and numbers that are
//! our own choice. Nothing here locks, connects or talks: the engine keeps the [`Config`] under a
//! mutex, `control` changes it, and every login reads what holds at that time.
//!
//! Imports only `proto`.

mod error;
pub(crate) mod limits;
mod live;
mod params;
mod targets;

pub(crate) use self::{
    error::ConfigError,
    live::{
        Config,
        Initiator,
        InitiatorChange, //
    },
    params::{
        Overrides,
        ParamError, //
    },
    targets::{
        EndPoint,
        StaticPattern,
        StaticTarget, //
    },
};
