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
    Value,
    LISTED, //
};
use iscsi_proto::proto::names::{
    Alias,
    IscsiName, //
};
use serde::{
    Deserialize,
    Serialize, //
};
use serde_json::{
    Map,
    Value as Json, //
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    #[serde(default)]
    initiator: StoredInitiator,
    #[serde(default)]
    discovery: StoredDiscovery,
    #[serde(default)]
    static_config: Vec<StoredStatic>,
    #[serde(default)]
    target_param: Vec<StoredParam>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<StoredRefused>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRefused {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    initiator: Option<StoredInitiator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discovery: Option<StoredDiscovery>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    static_config: Vec<StoredStatic>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    target_param: Vec<StoredParam>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDiscovery {
    #[serde(default, rename = "static")]
    static_targets: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredStatic {
    target: String,
    portal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tpgt: Option<u16>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredParam {
    target: String,
    login: Map<String, Json>,
}

/// What may stand before the rest is looked at.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
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
    let content = |error: serde_json::Error| Broken::Content(error.to_string());
    let VersionOnly { version } = serde_json::from_str(text).map_err(content)?;
    if version > VERSION {
        return Err(Broken::Newer(version));
    }
    let stored: Stored = serde_json::from_str(text).map_err(content)?;
    understand(stored, system).map_err(Broken::Content)
}

fn understand(stored: Stored, system: &System) -> Result<Configuration, String> {
    let discovery = |stored: StoredDiscovery| Discovery {
        static_targets: stored.static_targets,
    };
    let refused = stored.refused.unwrap_or_default();
    let mut unresolved = Vec::new();
    Ok(Configuration {
        initiator: initiator(&stored.initiator)?,
        discovery: discovery(stored.discovery),
        static_entries: static_entries(stored.static_config, system, &mut unresolved)?,
        target_params: target_params(&stored.target_param)?,
        refused: Refused {
            initiator: initiator(&refused.initiator.unwrap_or_default())?,
            discovery: refused.discovery.map(discovery),
            static_entries: static_entries(refused.static_config, system, &mut unresolved)?,
            target_params: target_params(&refused.target_param)?,
        },
        unresolved,
    })
}

/// The entries; those without an interface go to `unresolved`.
fn static_entries(
    all: Vec<StoredStatic>,
    system: &System,
    unresolved: &mut Vec<Unresolved>,
) -> Result<Vec<StaticEntry>, String> {
    let mut entries = Vec::new();
    for stored in all {
        let target = name(&stored.target)?;
        let tpgt = stored.tpgt.map(Tpgt);
        let entry = |portal| StaticEntry {
            target,
            portal,
            tpgt,
        };
        let portal = Portal::parse_with(&stored.portal, ISCSI_PORT, |zone| {
            system.interface_index(zone)
        });
        match (portal, system.without_interface(&stored.portal)) {
            (Ok(portal), _) => entries.push(entry(portal)),
            (Err(_), Some(portal)) => unresolved.push(Unresolved {
                entry: entry(portal),
                stored,
            }),
            (Err(error), None) => return Err(format!("{}: {error}", stored.portal)),
        }
    }
    Ok(entries)
}

fn target_params(all: &[StoredParam]) -> Result<Vec<(IscsiName, Params)>, String> {
    let mut target_params = Vec::new();
    for stored in all {
        let target = name(&stored.target)?;
        let mut params = Params::default();
        for (key, json) in &stored.login {
            let (key, value) =
                login_param(key, json).ok_or_else(|| format!("{key}: invalid value {json}"))?;
            params.set(key, value);
        }
        target_params.push((target, params));
    }
    Ok(target_params)
}

fn initiator(stored: &StoredInitiator) -> Result<Initiator, String> {
    let digest = |text: &Option<String>| text.as_deref().map(meaning::digest).transpose();
    Ok(Initiator {
        node_name: stored.node_name.as_deref().map(name).transpose()?,
        node_alias: stored
            .node_alias
            .as_deref()
            .map(|text| Alias::parse(text).map_err(|error| error.to_string()))
            .transpose()?,
        header_digest: digest(&stored.header_digest)?,
        data_digest: digest(&stored.data_digest)?,
    })
}

fn name(text: &str) -> Result<IscsiName, String> {
    IscsiName::parse(text).map_err(|error| format!("{text}: {error}"))
}

fn login_param(name: &str, json: &Json) -> Option<(Key, Value)> {
    let (key, param) = LISTED
        .into_iter()
        .filter_map(|key| Some((key, key.spec().param?)))
        .find(|(_, param)| param.name == name)?;
    let value = match param.input {
        Input::Number { .. } | Input::FixedNumber { .. } => {
            Value::Number(u32::try_from(json.as_u64()?).ok()?)
        }
        Input::Boolean => Value::Boolean(json.as_bool()?),
        Input::Digest => Value::Digest(DigestOffer::from(meaning::digest(json.as_str()?).ok()?)),
    };
    key.spec().check(value).ok()?;
    Some((key, value))
}
