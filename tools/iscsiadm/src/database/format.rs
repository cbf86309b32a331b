// SPDX-License-Identifier: GPL-2.0

//! The text of the database.
//!
//! ```json
//! {
//!   "version": 1,
//!   "initiator": { "node_name": "iqn.2026-11.org.iscsi-rs:0123456789ab" },
//!   "discovery": { "static": true },
//!   "static_config": [
//!     { "target": "iqn.2001-04.com.example:disk", "portal": "192.0.2.1:3260", "tpgt": 1 }
//!   ],
//!   "target_param": [
//!     { "target": "iqn.2001-04.com.example:disk", "login": { "headerdigest": "CRC32" } }
//!   ]
//! }
//! ```
//!
//! What the kernel refused at the last load stands under `refused`, in sections with the same names.

use std::fmt;

use iscsi_proto::proto::address::{
    Portal,
    Tpgt,
    ISCSI_PORT, //
};
use iscsi_proto::proto::keys::{
    Digest,
    DigestOffer,
    Input,
    Key,
    Param,
    Value,
    LISTED, //
};
use iscsi_proto::proto::names::{
    Alias,
    IscsiName, //
};
use serde::Serialize;
use serde_json::{
    Map,
    Value as Json, //
};

use super::document::{
    Document,
    Place, //
};
use super::{
    Configuration,
    Refused, //
};
use crate::meaning;
use crate::model::{
    Discovery,
    Initiator,
    Params,
    StaticEntry,
    StaticSelector, //
};
use crate::output;
use crate::system::System;

/// The version that this program writes, and the newest that it reads.
const VERSION: u32 = 1;

/// Why a text is no configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It has a version that this program does not know.
    Newer(u32),
    /// It has a mistake.
    Content(String),
}

/// A configured target whose interface does not exist now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unresolved {
    /// Its interface has any number.
    entry: StaticEntry,
    stored: StoredStatic,
}

impl Unresolved {
    /// Whether the selector means it. Its address cannot be typed, so only a selector by name does.
    pub(crate) fn matches(&self, selector: &StaticSelector) -> bool {
        selector.target == self.entry.target && selector.portal.is_none()
    }

    /// Whether that entry of the kernel can be this one, with the number that the interface had.
    pub(crate) fn is_of(&self, entry: &StaticEntry) -> bool {
        self.entry.is_but_for_zone(entry)
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.entry.target, self.stored.portal)?;
        self.stored.tpgt.map_or(Ok(()), |tpgt| write!(f, ",{tpgt}"))
    }
}

#[derive(Serialize)]
struct Stored {
    version: u32,
    initiator: StoredInitiator,
    discovery: StoredDiscovery,
    static_config: Vec<StoredStatic>,
    target_param: Vec<StoredParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<StoredRefused>,
}

#[derive(Serialize)]
struct StoredRefused {
    #[serde(skip_serializing_if = "Option::is_none")]
    initiator: Option<StoredInitiator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery: Option<StoredDiscovery>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    static_config: Vec<StoredStatic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_param: Vec<StoredParam>,
}

#[derive(Serialize)]
struct StoredInitiator {
    #[serde(skip_serializing_if = "Option::is_none")]
    node_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_digest: Option<String>,
}

#[derive(Serialize)]
struct StoredDiscovery {
    #[serde(rename = "static")]
    static_targets: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct StoredStatic {
    target: String,
    portal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpgt: Option<u16>,
}

#[derive(Serialize)]
struct StoredParam {
    target: String,
    login: Map<String, Json>,
}

/// Writes a configuration.
pub(super) fn write(configuration: &Configuration, system: &System) -> String {
    let entries = |entries: &[StaticEntry]| {
        let stored = |entry: &StaticEntry| StoredStatic {
            target: entry.target.to_string(),
            portal: system.portal_text(&entry.portal),
            tpgt: entry.tpgt.map(|tpgt| tpgt.0),
        };
        entries.iter().map(stored).collect::<Vec<_>>()
    };
    let params = |params: &[(IscsiName, Params)]| {
        let stored = |(target, params): &(IscsiName, Params)| StoredParam {
            target: target.to_string(),
            login: output::params_json(params),
        };
        params.iter().map(stored).collect::<Vec<_>>()
    };
    let discovery = |discovery: Discovery| StoredDiscovery {
        static_targets: discovery.static_targets,
    };
    let mut static_config = entries(&configuration.static_entries);
    static_config.extend(configuration.unresolved.iter().map(|e| e.stored.clone()));
    let refused = &configuration.refused;
    let stored = Stored {
        version: VERSION,
        initiator: StoredInitiator::from(&configuration.initiator),
        discovery: discovery(configuration.discovery),
        static_config,
        target_param: params(&configuration.target_params),
        refused: (!refused.is_empty()).then(|| StoredRefused {
            initiator: (refused.initiator != Initiator::default())
                .then(|| StoredInitiator::from(&refused.initiator)),
            discovery: refused.discovery.map(discovery),
            static_config: entries(&refused.static_entries),
            target_param: params(&refused.target_params),
        }),
    };
    let mut text = serde_json::to_string_pretty(&stored).unwrap_or_default();
    text.push('\n');
    text
}

impl From<&Initiator> for StoredInitiator {
    fn from(initiator: &Initiator) -> Self {
        let digest = |digest: Option<Digest>| digest.map(|d| output::digest(d.into()).to_owned());
        Self {
            node_name: initiator.node_name.map(|name| name.to_string()),
            node_alias: initiator.node_alias.map(|alias| alias.as_str().to_owned()),
            header_digest: digest(initiator.header_digest),
            data_digest: digest(initiator.data_digest),
        }
    }
}

/// Reads a configuration, and checks all of it.
pub(super) fn read(text: &str, system: &System) -> Result<Configuration, Broken> {
    let document = Document::parse(text).map_err(Broken::Content)?;
    let root = document.root();
    let version = version(&root).map_err(Broken::Content)?;
    if version > VERSION {
        return Err(Broken::Newer(version));
    }
    understand(&root, system).map_err(Broken::Content)
}

/// The version, which tells what else may stand there.
fn version(root: &Place<'_>) -> Result<u32, String> {
    let mut fields = root.fields()?.into_iter();
    let field = fields.find(|(name, _)| *name == "version");
    let version = root.needed("version", field.map(|(_, place)| place))?;
    match version.number() {
        None | Some(0) => Err(version.must_be(VERSION)),
        Some(number) => Ok(number),
    }
}

fn understand(root: &Place<'_>, system: &System) -> Result<Configuration, String> {
    let [_, node, methods, entries, params, refused] = root.object([
        "version",
        "initiator",
        "discovery",
        "static_config",
        "target_param",
        "refused",
    ])?;
    let mut unresolved = Vec::new();
    let mut read_entries = |place| static_entries(place, system, &mut unresolved);
    Ok(Configuration {
        initiator: or_default(node, initiator)?,
        discovery: or_default(methods, discovery)?,
        static_entries: or_default(entries, &mut read_entries)?,
        target_params: or_default(params, target_params)?,
        refused: or_default(refused, |place| {
            let [node, methods, entries, params] =
                place.object(["initiator", "discovery", "static_config", "target_param"])?;
            Ok(Refused {
                initiator: or_default(node, initiator)?,
                discovery: methods.map(discovery).transpose()?,
                static_entries: or_default(entries, &mut read_entries)?,
                target_params: or_default(params, target_params)?,
            })
        })?,
        unresolved,
    })
}

/// What is read of a field, or what holds without it.
fn or_default<'a, T: Default>(
    field: Option<Place<'a>>,
    read: impl FnOnce(Place<'a>) -> Result<T, String>,
) -> Result<T, String> {
    field.map_or_else(|| Ok(T::default()), read)
}

fn initiator(place: Place<'_>) -> Result<Initiator, String> {
    let [node_name, node_alias, header_digest, data_digest] =
        place.object(["node_name", "node_alias", "header_digest", "data_digest"])?;
    let alias = |place: Place<'_>| {
        Alias::parse(place.string()?)
            .map_err(|error| place.mistake(error))
            .map(Some)
    };
    let digest = |place: Place<'_>| digest(&place).map(Some);
    Ok(Initiator {
        node_name: or_default(node_name, |place| name(&place).map(Some))?,
        node_alias: or_default(node_alias, alias)?,
        header_digest: or_default(header_digest, digest)?,
        data_digest: or_default(data_digest, digest)?,
    })
}

fn discovery(place: Place<'_>) -> Result<Discovery, String> {
    let [static_targets] = place.object(["static"])?;
    Ok(Discovery {
        static_targets: or_default(static_targets, |place| place.boolean())?,
    })
}

/// The entries; those without an interface go to `unresolved`.
fn static_entries(
    all: Place<'_>,
    system: &System,
    unresolved: &mut Vec<Unresolved>,
) -> Result<Vec<StaticEntry>, String> {
    let mut entries = Vec::new();
    for place in all.list()? {
        let [target, portal, tpgt] = place.object(["target", "portal", "tpgt"])?;
        let target = name(&place.needed("target", target)?)?;
        let place = place.needed("portal", portal)?;
        let text = place.string()?;
        let tpgt = or_default(tpgt, |place| match place.number() {
            Some(number) => Ok(Some(Tpgt(number))),
            None => Err(place.must_be("a number from 0 to 65535")),
        })?;
        let entry = |portal| StaticEntry {
            target,
            portal,
            tpgt,
        };
        let portal = Portal::parse_with(text, ISCSI_PORT, |zone| system.interface_index(zone));
        match (portal, system.without_interface(text)) {
            (Ok(portal), _) => entries.push(entry(portal)),
            (Err(_), Some(portal)) => unresolved.push(Unresolved {
                entry: entry(portal),
                stored: StoredStatic {
                    target: target.to_string(),
                    portal: text.to_owned(),
                    tpgt: tpgt.map(|tpgt| tpgt.0),
                },
            }),
            (Err(error), None) => {
                return Err(place.mistake(format_args!("{text}: {error}")));
            }
        }
    }
    Ok(entries)
}

fn target_params(all: Place<'_>) -> Result<Vec<(IscsiName, Params)>, String> {
    let mut target_params = Vec::new();
    for place in all.list()? {
        let [target, login] = place.object(["target", "login"])?;
        let target = name(&place.needed("target", target)?)?;
        let mut params = Params::default();
        let login = place.needed("login", login)?;
        for (name, place) in login.fields()? {
            let param = params_by_name().find(|(_, param)| param.name == name);
            let (key, param) = param.ok_or_else(|| {
                let legal = params_by_name().filter(|(_, param)| can_be_set(param.input));
                let legal: Vec<_> = legal.map(|(_, param)| param.name).collect();
                let legal = legal.join(", ");
                login.mistake(format_args!("unknown field \"{name}\"; legal: {legal}"))
            })?;
            params.set(key, login_param(key, param.input, &place)?);
        }
        target_params.push((target, params));
    }
    Ok(target_params)
}

/// The login parameters that have a name.
fn params_by_name() -> impl Iterator<Item = (Key, Param)> {
    let named = |key: Key| Some((key, key.spec().param?));
    LISTED.into_iter().filter_map(named)
}

fn can_be_set(input: Input) -> bool {
    match input {
        Input::Number { .. } | Input::Boolean | Input::Digest => true,
        Input::FixedNumber { .. } => false,
    }
}

fn login_param(key: Key, input: Input, place: &Place<'_>) -> Result<Value, String> {
    match input {
        Input::Number { min, max } | Input::FixedNumber { min, max } => place
            .number()
            .map(Value::Number)
            .filter(|value| key.spec().check(*value).is_ok())
            .ok_or_else(|| place.must_be(format_args!("a number from {min} to {max}"))),
        Input::Boolean => place.boolean().map(Value::Boolean),
        Input::Digest => Ok(Value::Digest(DigestOffer::from(digest(place)?))),
    }
}

fn digest(place: &Place<'_>) -> Result<Digest, String> {
    let digest = place.string().and_then(meaning::digest);
    digest.map_err(|_| place.must_be("\"NONE\" or \"CRC32\""))
}

fn name(place: &Place<'_>) -> Result<IscsiName, String> {
    let text = place.string()?;
    IscsiName::parse(text).map_err(|error| place.mistake(format_args!("{text}: {error}")))
}
