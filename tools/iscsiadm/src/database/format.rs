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

use super::Configuration;
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
    target: IscsiName,
    stored: StoredStatic,
}

impl Unresolved {
    /// Whether the selector means it. Its address cannot be typed, so only a selector by name does.
    pub(crate) fn matches(&self, selector: &StaticSelector) -> bool {
        selector.target == self.target && selector.portal.is_none()
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.target, self.stored.portal)?;
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
    let initiator = &configuration.initiator;
    let digest = |digest: Option<Digest>| digest.map(|d| output::digest(d.into()).to_owned());
    let entries = configuration.static_entries.iter();
    let stored = Stored {
        version: VERSION,
        initiator: StoredInitiator {
            node_name: initiator.node_name.map(|name| name.to_string()),
            node_alias: initiator.node_alias.map(|alias| alias.as_str().to_owned()),
            header_digest: digest(initiator.header_digest),
            data_digest: digest(initiator.data_digest),
        },
        discovery: StoredDiscovery {
            static_targets: configuration.discovery.static_targets,
        },
        static_config: entries
            .map(|entry| StoredStatic {
                target: entry.target.to_string(),
                portal: system.portal_text(&entry.portal),
                tpgt: entry.tpgt.map(|tpgt| tpgt.0),
            })
            .chain(configuration.unresolved.iter().map(|e| e.stored.clone()))
            .collect(),
        target_param: configuration
            .target_params
            .iter()
            .map(|(target, params)| StoredParam {
                target: target.to_string(),
                login: output::params_json(params),
            })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&stored).unwrap_or_default();
    text.push('\n');
    text
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
    let mut configuration = Configuration {
        initiator: initiator(&stored.initiator)?,
        discovery: Discovery {
            static_targets: stored.discovery.static_targets,
        },
        ..Configuration::default()
    };
    for stored in stored.static_config {
        let target = name(&stored.target)?;
        let portal = Portal::parse_with(&stored.portal, ISCSI_PORT, |zone| {
            system.interface_index(zone)
        });
        match portal {
            Ok(portal) => configuration.static_entries.push(StaticEntry {
                target,
                portal,
                tpgt: stored.tpgt.map(Tpgt),
            }),
            Err(_) if system.missing_interface(&stored.portal).is_some() => {
                configuration.unresolved.push(Unresolved { target, stored });
            }
            Err(error) => return Err(format!("{}: {error}", stored.portal)),
        }
    }
    for stored in stored.target_param {
        let target = name(&stored.target)?;
        let mut params = Params::default();
        for (key, json) in &stored.login {
            let (key, value) =
                login_param(key, json).ok_or_else(|| format!("{key}: invalid value {json}"))?;
            params.set(key, value);
        }
        configuration.target_params.push((target, params));
    }
    Ok(configuration)
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
