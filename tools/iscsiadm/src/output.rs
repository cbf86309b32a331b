// SPDX-License-Identifier: GPL-2.0

//! What is printed. Each listing is one struct, of which both the text and the JSON are made.

pub(crate) mod discovery;
pub(crate) mod initiator;
pub(crate) mod static_config;
pub(crate) mod target;
pub(crate) mod target_param;

use std::borrow::Cow;
use std::fmt::Write as _;

use iscsi_proto::proto::keys::{
    DigestOffer,
    Key,
    Value,
    LISTED, //
};
use serde::Serialize;
use serde_json::{
    Map,
    Value as Json, //
};

use crate::meaning::Format;
use crate::model::Params;

/// A listing.
pub(crate) trait Listing: Serialize {
    /// The layout that people and scripts know.
    fn text(&self) -> String;

    /// The listing in the format that was asked for.
    fn print(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Json => {
                let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
                text.push('\n');
                text
            }
        }
    }
}

/// A text of somebody else's in one line of ours: control characters are written as escapes.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| c.is_control())
}

/// What may be sent to a terminal: everything that could drive it, or turn the direction of the
/// text, is written as an escape.
pub(crate) fn for_terminal(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    })
}

fn escape(text: &str, must: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&must) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if must(c) {
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Two digits per byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `-` for nothing.
fn or_dash(text: Option<&str>) -> Cow<'_, str> {
    match text {
        Some(text) if !text.is_empty() => one_line(text),
        Some(_) | None => Cow::Borrowed("-"),
    }
}

/// A switch as the lists write it.
fn enabled(on: bool) -> &'static str {
    match on {
        true => "enabled",
        false => "disabled",
    }
}

/// A digest as the lists write it.
pub(crate) fn digest(offer: DigestOffer) -> &'static str {
    match offer {
        DigestOffer::None => "NONE",
        DigestOffer::Crc32c => "CRC32",
        DigestOffer::Crc32cThenNone => "CRC32,NONE",
        DigestOffer::NoneThenCrc32c => "NONE,CRC32",
    }
}

/// A login parameter as the lists write it.
fn param(value: Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Boolean(true) => "yes".to_owned(),
        Value::Boolean(false) => "no".to_owned(),
        Value::Digest(offer) => digest(offer).to_owned(),
    }
}

/// The label of a login parameter.
fn label(key: Key) -> &'static str {
    key.spec().param.map_or("", |param| param.label)
}

/// Login parameters as JSON, named as for `-p`.
pub(crate) fn params_json(params: &Params) -> Map<String, Json> {
    let mut map = Map::new();
    for (key, value) in params.iter() {
        let Some(param) = key.spec().param else {
            continue;
        };
        let json = match value {
            Value::Number(number) => Json::from(number),
            Value::Boolean(yes) => Json::from(yes),
            Value::Digest(offer) => Json::from(digest(offer)),
        };
        map.insert(param.name.to_owned(), json);
    }
    map
}

/// The 14 lines `label: default/configured`.
fn pairs(text: &mut String, indent: &str, defaults: &Params, configured: &Params) {
    for key in LISTED {
        let shown = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), param);
        let (default, set) = (shown(defaults.get(key)), shown(configured.get(key)));
        let _ = writeln!(text, "{indent}{}: {default}/{set}", label(key));
    }
}

/// The times of logins, in seconds. None can be configured yet.
#[derive(Serialize)]
struct Tunables {
    default: Map<String, Json>,
    configured: Map<String, Json>,
}

impl Tunables {
    fn new() -> Self {
        let default = TUNABLES.map(|tunable| (tunable.name.to_owned(), tunable.seconds.into()));
        Self {
            default: default.into_iter().collect(),
            configured: Map::new(),
        }
    }

    /// The block `label: default/configured`.
    fn text(&self, text: &mut String) {
        text.push_str("\tTunable Parameters (Default/Configured):\n");
        for Tunable { name, label, .. } in TUNABLES {
            let shown = |all: &Map<String, Json>| {
                all.get(name)
                    .map_or_else(|| "-".to_owned(), Json::to_string)
            };
            let (default, set) = (shown(&self.default), shown(&self.configured));
            let _ = writeln!(text, "\t\t{label}: {default}/{set}");
        }
    }
}

struct Tunable {
    /// As Solaris' `iscsiadm` has it for `-T`.
    name: &'static str,
    label: &'static str,
    seconds: u32,
}

/// The module's own times, `config/limits.rs`.
const TUNABLES: [Tunable; 3] = [
    Tunable {
        name: "recv-login-rsp-timeout",
        label: "Session Login Response Time",
        seconds: 60,
    },
    Tunable {
        name: "conn-login-max",
        label: "Maximum Connection Retry Time",
        seconds: 180,
    },
    Tunable {
        name: "polling-login-delay",
        label: "Login Retry Time Interval",
        seconds: 60,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails unless the manual page has each name of a JSON listing.
    #[track_caller]
    pub(super) fn documented(listing: &str) {
        let page = include_str!("../../../Documentation/man/iscsiadm.8").replace("\\-", "-");
        let json = page
            .split(".SH ")
            .find(|section| section.starts_with("JSON"));
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let words: Vec<_> = json.unwrap().split(|c| !is_part(c)).collect();
        let mut left = vec![serde_json::from_str(listing).unwrap()];
        while let Some(value) = left.pop() {
            match value {
                Json::Object(fields) => {
                    for (name, value) in fields {
                        let listed = LISTED
                            .iter()
                            .any(|key| key.spec().param.unwrap().name == name);
                        assert!(listed || words.contains(&name.as_str()), "{name}");
                        left.push(value);
                    }
                }
                Json::Array(items) => left.extend(items),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => (),
            }
        }
    }

    #[test]
    fn the_tunables_are_those_of_the_module() {
        let limits = include_str!("../../../drivers/scsi/iscsi/config/limits.rs");
        let names = ["LOGIN_RESPONSE", "RETRY_WINDOW", "POLLING_DELAY"];
        for (name, Tunable { seconds, .. }) in names.into_iter().zip(TUNABLES) {
            let line = format!("const {name}: Delta = Delta::from_secs({seconds});");
            assert!(limits.contains(&line), "{line}");
        }
    }

    #[test]
    fn the_documented_defaults_are_those_of_the_module() {
        let limits = include_str!("../../../drivers/scsi/iscsi/config/limits.rs");
        let page = include_str!("../../../Documentation/man/iscsiadm.8");
        for (name, constant, text, bytes) in [
            (
                "firstburstlength",
                "FIRST_BURST_LENGTH",
                "256 * 1024",
                256 << 10,
            ),
            (
                "maxburstlength",
                "MAX_BURST_LENGTH",
                "1024 * 1024",
                1024 << 10,
            ),
            (
                "maxrecvdataseglen",
                "MAX_RECV_DATA_SEGMENT_LENGTH",
                "256 * 1024",
                256 << 10,
            ),
        ] {
            let line = format!("const {constant}: u32 = {text};");
            assert!(limits.contains(&line), "{line}");
            let documented = format!("{name} \" ({bytes})");
            assert!(page.contains(&documented), "{documented}");
        }
    }

    #[test]
    fn nothing_of_a_peer_drives_the_terminal() {
        for (text, expected) in [
            ("plain", "plain"),
            ("ümläut 盘", "ümläut 盘"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\rb", "a\\u{d}b"),
            ("a\u{8}b\u{7f}", "a\\u{8}b\\u{7f}"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\n\tb", "a\n\tb"),
        ] {
            assert_eq!(for_terminal(text), expected);
        }
        assert_eq!(one_line("a\n\tTarget: b"), "a\\u{a}\\u{9}Target: b");
    }
}
