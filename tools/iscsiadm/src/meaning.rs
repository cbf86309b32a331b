// SPDX-License-Identifier: GPL-2.0

//! From what was typed to what is meant: every option value and operand is checked here, all of
//! them before anything changes.

use std::fmt::Write;

use iscsi_proto::proto::address::{
    Portal,
    Tpgt,
    ISCSI_PORT, //
};
use iscsi_proto::proto::keys::{
    self,
    Digest,
    DigestOffer,
    Input,
    Key,
    Value, //
};
use iscsi_proto::proto::names::{
    Alias,
    IscsiName, //
};

use crate::failure::Failure;
use crate::grammar::{
    Object,
    OptionId,
    Verb, //
};
use crate::model::{
    Discovery,
    Initiator,
    Params,
    StaticEntry,
    StaticSelector, //
};
use crate::parse::{
    Filled,
    Typed, //
};
use crate::system::System;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Print(String),
    AddStatic(Vec<StaticEntry>),
    ListStatic(Vec<StaticSelector>, Format),
    RemoveStatic(Vec<StaticSelector>),
    ListDiscovery(Format),
    ModifyDiscovery(Discovery),
    ListInitiator(Format),
    ModifyInitiator(Box<Initiator>),
    ListTarget(Vec<IscsiName>, TargetDetail, Format),
    ListTargetParam(Vec<IscsiName>, Detail, Format),
    ModifyTargetParam(Vec<IscsiName>, Params),
    RemoveTargetParam(IscsiName),
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Brief,
    Verbose,
}

/// How much is shown of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetDetail {
    pub(crate) connections: Detail,
    /// Whether logical units are looked for and shown.
    pub(crate) luns: Luns,
}

/// Whether logical units are looked for and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luns {
    Hidden,
    Shown,
}

/// Checks everything that was typed. All mistakes are told at once.
pub(crate) fn understand(typed: Typed, system: &System) -> Result<Request, Failure> {
    let filled = match typed {
        Typed::Text(text) => return Ok(Request::Print(text)),
        Typed::Form(filled) => filled,
    };
    let mut mistakes = Mistakes(Vec::new());
    let request = mistakes.request(&filled, system);
    match request {
        Some(request) if mistakes.0.is_empty() => Ok(request),
        Some(_) | None => Err(Failure::errors(mistakes.0)),
    }
}

/// Collects sentences. A method that answers `None` has added one.
struct Mistakes(Vec<String>);

impl Mistakes {
    fn request(&mut self, filled: &Filled, system: &System) -> Option<Request> {
        let operands = &filled.operands;
        let format = match filled.has(OptionId::Json) {
            true => Format::Json,
            false => Format::Text,
        };
        let detail = match filled.has(OptionId::Verbose) {
            true => Detail::Verbose,
            false => Detail::Brief,
        };
        Some(match (filled.form.verb, filled.form.object) {
            (Verb::Add, Object::StaticConfig) => {
                Request::AddStatic(self.each(operands, |text| static_entry(text, system)))
            }
            (Verb::List, Object::StaticConfig) => Request::ListStatic(
                self.each(operands, |text| static_selector(text, system)),
                format,
            ),
            (Verb::Remove, Object::StaticConfig) => {
                Request::RemoveStatic(self.each(operands, |text| static_selector(text, system)))
            }
            (Verb::List, Object::Discovery) => Request::ListDiscovery(format),
            (Verb::Modify, Object::Discovery) => Request::ModifyDiscovery(self.discovery(filled)),
            (Verb::List, Object::InitiatorNode) => Request::ListInitiator(format),
            (Verb::Modify, Object::InitiatorNode) => {
                Request::ModifyInitiator(Box::new(self.initiator(filled)))
            }
            (Verb::List, Object::Target) => Request::ListTarget(
                self.each(operands, target_name),
                TargetDetail {
                    connections: detail,
                    luns: match filled.has(OptionId::ScsiTarget) {
                        true => Luns::Shown,
                        false => Luns::Hidden,
                    },
                },
                format,
            ),
            (Verb::List, Object::TargetParam) => {
                Request::ListTargetParam(self.each(operands, target_name), detail, format)
            }
            (Verb::Modify, Object::TargetParam) => {
                Request::ModifyTargetParam(self.each(operands, target_name), self.params(filled))
            }
            (Verb::Remove, Object::TargetParam) => {
                let mut names = self.each(operands, target_name);
                Request::RemoveTargetParam(names.pop()?)
            }
            (Verb::Add, Object::Discovery | Object::InitiatorNode)
            | (Verb::Add | Verb::Modify | Verb::Remove, Object::Target)
            | (Verb::Add, Object::TargetParam)
            | (Verb::Modify, Object::StaticConfig)
            | (Verb::Remove, Object::Discovery | Object::InitiatorNode) => {
                self.0.push("invalid subcommand".to_owned());
                return None;
            }
        })
    }

    /// Reads every operand; the mistakes carry the operand they are about.
    fn each<T>(&mut self, operands: &[String], read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut values = Vec::new();
        for operand in operands {
            match read(operand) {
                Ok(value) => values.push(value),
                Err(mistake) => self.0.push(format!("{operand}: {mistake}")),
            }
        }
        values
    }

    fn note<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.0.push(mistake)).ok()
    }

    fn discovery(&mut self, filled: &Filled) -> Discovery {
        let mut discovery = Discovery::default();
        for (id, value) in &filled.options {
            if *id == OptionId::Static {
                discovery.static_targets = self.note(switch(value)).unwrap_or_default();
            }
        }
        discovery
    }

    fn initiator(&mut self, filled: &Filled) -> Initiator {
        let mut change = Initiator::default();
        for (id, value) in &filled.options {
            match id {
                OptionId::NodeName => {
                    change.node_name = self.note(iscsi_name(value));
                }
                OptionId::NodeAlias => {
                    change.node_alias = self.note(Alias::parse(value).map_err(|e| e.to_string()));
                }
                OptionId::HeaderDigest => change.header_digest = self.note(digest(value)),
                OptionId::DataDigest => change.data_digest = self.note(digest(value)),
                OptionId::Static
                | OptionId::LoginParam
                | OptionId::Verbose
                | OptionId::ScsiTarget
                | OptionId::Json => (),
            }
        }
        change
    }

    fn params(&mut self, filled: &Filled) -> Params {
        let mut params = Params::default();
        for (id, value) in &filled.options {
            match id {
                OptionId::HeaderDigest => self.digest(&mut params, Key::HeaderDigest, value),
                OptionId::DataDigest => self.digest(&mut params, Key::DataDigest, value),
                OptionId::LoginParam => {
                    for pair in value.split(',') {
                        let Some((key, value)) = self.note(login_param(pair)) else {
                            continue;
                        };
                        if params.set(key, value).is_some() {
                            self.0.push(format!("{pair}: parameter given twice"));
                        }
                    }
                }
                OptionId::Static
                | OptionId::NodeName
                | OptionId::NodeAlias
                | OptionId::Verbose
                | OptionId::ScsiTarget
                | OptionId::Json => (),
            }
        }
        if let (Some(first), Some(most)) = (
            params.number(Key::FirstBurstLength),
            params.number(Key::MaxBurstLength),
        ) {
            if first > most {
                self.0.push(FIRST_BURST_TOO_LONG.to_owned());
            }
        }
        params
    }

    fn digest(&mut self, params: &mut Params, key: Key, value: &str) {
        if let Some(digest) = self.note(digest(value)) {
            params.set(key, Value::Digest(DigestOffer::from(digest)));
        }
    }
}

/// Said when FirstBurstLength is set above MaxBurstLength, RFC 7143 section 13.14. The words, slip
/// included, are those of Solaris, which scripts may look for.
const FIRST_BURST_TOO_LONG: &str =
    "firstBurstLength must be less than or equal to than maxBurstLength";

fn iscsi_name(text: &str) -> Result<IscsiName, String> {
    IscsiName::parse(text).map_err(|error| error.to_string())
}

/// A target, where an address may follow that does not matter.
fn target_name(text: &str) -> Result<IscsiName, String> {
    iscsi_name(text.split(',').next().unwrap_or_default())
}

fn static_selector(text: &str, system: &System) -> Result<StaticSelector, String> {
    let mut parts = text.splitn(3, ',');
    let target = iscsi_name(parts.next().unwrap_or_default())?;
    let portal = parts
        .next()
        .map(|text| {
            Portal::parse_with(text, ISCSI_PORT, |name| system.interface_index(name)).map_err(
                |error| match system.missing_interface(text) {
                    Some(name) => format!("{error}: there is no interface {name}"),
                    None => error.to_string(),
                },
            )
        })
        .transpose()?;
    let tpgt = parts
        .next()
        .map(|text| Tpgt::parse(text).map_err(|error| error.to_string()))
        .transpose()?;
    Ok(StaticSelector {
        target,
        portal,
        tpgt,
    })
}

fn static_entry(text: &str, system: &System) -> Result<StaticEntry, String> {
    let selector = static_selector(text, system)?;
    let portal = selector
        .portal
        .ok_or_else(|| "missing target address".to_owned())?;
    Ok(StaticEntry {
        target: selector.target,
        portal,
        tpgt: selector.tpgt,
    })
}

fn switch(text: &str) -> Result<bool, String> {
    if text.eq_ignore_ascii_case("enable") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("disable") {
        Ok(false)
    } else {
        Err(invalid_argument(text))
    }
}

/// Reads `none` or `CRC32`.
pub(crate) fn digest(text: &str) -> Result<Digest, String> {
    if text.eq_ignore_ascii_case("none") {
        Ok(Digest::None)
    } else if text.eq_ignore_ascii_case("CRC32") {
        Ok(Digest::Crc32c)
    } else {
        Err(invalid_argument(text))
    }
}

/// Reads one `key=value` of `-p`.
fn login_param(pair: &str) -> Result<(Key, Value), String> {
    let (name, text) = pair.split_once('=').ok_or_else(|| invalid_argument(pair))?;
    let key = keys::param(name).ok_or_else(|| format!("Unknown param: {name}"))?;
    let input = key.spec().param.map(|param| param.input);
    let value = match input {
        Some(Input::Boolean) if text.eq_ignore_ascii_case("yes") => Value::Boolean(true),
        Some(Input::Boolean) if text.eq_ignore_ascii_case("no") => Value::Boolean(false),
        Some(Input::Number { min, max } | Input::FixedNumber { min, max }) => {
            let number = number(text).ok_or_else(|| invalid_argument(text))?;
            let number = u32::try_from(number)
                .ok()
                .filter(|number| (min..=max).contains(number))
                .ok_or_else(|| format!("{name}: value must be between {min} and {max}"))?;
            if matches!(input, Some(Input::FixedNumber { .. })) {
                return Err(format!("{name}: Operation currently not supported"));
            }
            Value::Number(number)
        }
        Some(Input::Boolean | Input::Digest) | None => return Err(invalid_argument(text)),
    };
    Ok((key, value))
}

/// Reads a number whose base its first characters tell: `0x` 16, `0` 8, else 10. A number that is
/// too big for the type becomes the biggest one, and so is out of every range.
fn number(text: &str) -> Option<u64> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    Some(u64::from_str_radix(digits, base).unwrap_or(u64::MAX))
}

fn invalid_argument(text: &str) -> String {
    format!("invalid option argument - {text}")
}

/// The lines of the usage text that tell what `-p` takes.
pub(crate) fn login_param_help() -> String {
    let mut text = String::new();
    for key in keys::LISTED {
        let Some(param) = key.spec().param else {
            continue;
        };
        let _ = match param.input {
            Input::Number { min, max } => {
                writeln!(text, "  {:<20}{min}..{max}", param.name)
            }
            Input::Boolean => writeln!(text, "  {:<20}yes|no", param.name),
            Input::FixedNumber { .. } | Input::Digest => Ok(()),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::parse;

    fn meant(words: &[&str]) -> Result<Request, Vec<String>> {
        let typed = parse::parse(words.iter().map(OsString::from).collect()).unwrap();
        understand(typed, &System::at("/nonexistent")).map_err(|failure| {
            assert_eq!(failure.exit, crate::failure::Exit::Failed);
            failure.lines
        })
    }

    const NAME: &str = "iqn.2001-04.com.example:disk";

    #[test]
    fn a_static_operand_has_a_name_an_address_and_a_tag() {
        let Ok(Request::AddStatic(entries)) = meant(&[
            "add",
            "static-config",
            "IQN.2001-04.com.example:DISK,192.0.2.1",
            "eui.02004567A425678D,[2001:db8::1]:860,7",
        ]) else {
            panic!();
        };
        assert_eq!(entries[0].target.as_str(), NAME);
        assert_eq!(entries[0].portal.to_string(), "192.0.2.1:3260");
        assert_eq!(entries[0].tpgt, None);
        assert_eq!(entries[1].portal.to_string(), "[2001:db8::1]:860");
        assert_eq!(entries[1].tpgt, Some(Tpgt(7)));
    }

    #[test]
    fn each_broken_operand_has_its_text() {
        for (operand, text) in [
            ("", "empty iSCSI name."),
            (",1.2.3.4", "empty iSCSI name."),
            (&"x".repeat(224), "iSCSI name exceeded maximum length."),
            ("disk,1.2.3.4", "unknown iSCSI name type."),
            (
                "iqn.2001-04.com.ex_ample,1.2.3.4",
                "iSCSI name invalid character used",
            ),
            ("iqn.2001-04,1.2.3.4", "iqn formatting error."),
            (
                "iqn.200104.com.example,1.2.3.4",
                "invalid iqn date.  format is: YYYY-MM",
            ),
            (
                "iqn.2001-04.com.example:,1.2.3.4",
                "missing subdomain after \":\"",
            ),
            ("iqn.x001-04.com.example,1.2.3.4", "invalid year"),
            ("iqn.2001-13.com.example,1.2.3.4", "invalid month"),
            (
                "iqn.2001-04.com,1.2.3.4",
                "missing reversed fully qualified domain name",
            ),
            ("eui.0,1.2.3.4", "eui formatting error."),
            ("naa.0,1.2.3.4", "naa formatting error."),
            (NAME, "missing target address"),
            (&format!("{NAME},"), "missing target address"),
            (&format!("{NAME},[::1"), "']' missing"),
            (&format!("{NAME},host"), "invalid IP address"),
            (
                &format!("{NAME},[fe80::1]"),
                "a link-local address needs its interface: [address%interface]",
            ),
            (&format!("{NAME},1.2.3.4:"), "port number missing"),
            (&format!("{NAME},1.2.3.4:x"), "port number invalid"),
            (&format!("{NAME},1.2.3.4:65536"), "port number out of range"),
            (&format!("{NAME},1.2.3.4:0"), "port number out of range"),
            (
                &format!("{NAME},1.2.3.4,65536"),
                "parse target invalid TPGT",
            ),
            (&format!("{NAME},1.2.3.4,1,2"), "parse target invalid TPGT"),
        ] {
            assert_eq!(
                meant(&["add", "static-config", operand]),
                Err(vec![format!("{operand}: {text}")])
            );
        }
    }

    #[test]
    fn every_mistake_of_a_call_is_told() {
        let good = format!("{NAME},1.2.3.4");
        let lines = meant(&["add", "static-config", &good, "a", &good, "iqn.2001-04"]);
        assert_eq!(
            lines,
            Err(vec![
                "a: unknown iSCSI name type.".to_owned(),
                "iqn.2001-04: iqn formatting error.".to_owned(),
            ])
        );
        let lines = meant(&["modify", "initiator-node", "-N", "x", "-h", "md5", "-d", ""]);
        assert_eq!(
            lines,
            Err(vec![
                "unknown iSCSI name type.".to_owned(),
                "invalid option argument - md5".to_owned(),
                "invalid option argument - ".to_owned(),
            ])
        );
    }

    #[test]
    fn a_selector_may_leave_out_address_and_tag() {
        let Ok(Request::RemoveStatic(selectors)) = meant(&["remove", "static-config", NAME]) else {
            panic!();
        };
        let entry = |text: &str| static_entry(text, &System::default()).unwrap();
        let any = format!("{NAME},1.2.3.4");
        assert!(selectors[0].matches(&entry(&any)));
        let select = |text: &str| static_selector(text, &System::default()).unwrap();
        assert!(select(&any).matches(&entry(&format!("{any},3"))));
        assert!(!select(&format!("{any},4")).matches(&entry(&format!("{any},3"))));
        assert!(!select(&format!("{any},4")).matches(&entry(&any)));
        assert!(!select(&any).matches(&entry(&format!("{NAME},1.2.3.5"))));
        assert!(!select("iqn.2001-04.com.example").matches(&entry(&any)));
    }

    #[test]
    fn a_target_operand_may_carry_an_address_that_does_not_matter() {
        let Ok(Request::ListTarget(names, ..)) =
            meant(&["list", "target", &format!("{NAME},1.2.3.4:xyz")])
        else {
            panic!();
        };
        assert_eq!(names[0].as_str(), NAME);
    }

    #[test]
    fn an_initiator_change_has_all_its_options() {
        let Ok(Request::ModifyInitiator(change)) = meant(&[
            "modify",
            "initiator-node",
            "-N",
            NAME,
            "-A",
            "",
            "-h",
            "crc32",
            "-d",
            "NONE",
        ]) else {
            panic!();
        };
        assert_eq!(change.node_name.unwrap().as_str(), NAME);
        assert!(change.node_alias.unwrap().is_empty());
        assert_eq!(change.header_digest, Some(Digest::Crc32c));
        assert_eq!(change.data_digest, Some(Digest::None));
        let long = "x".repeat(224);
        assert_eq!(
            meant(&["modify", "initiator-node", "-A", &long]),
            Err(vec!["Name too long".to_owned()])
        );
    }

    #[test]
    fn login_parameters_take_numbers_of_three_bases_and_words_in_any_case() {
        let Ok(Request::ModifyTargetParam(names, params)) = meant(&[
            "modify",
            "target-param",
            "-p",
            "MaxBurstLength=0x40000,firstburstlength=0200000",
            "-p",
            "immediatedata=NO,defaulttime2wait=0",
            "-h",
            "CRC32",
            NAME,
        ]) else {
            panic!();
        };
        assert_eq!(names.len(), 1);
        assert_eq!(
            params.get(Key::MaxBurstLength),
            Some(Value::Number(262_144))
        );
        assert_eq!(
            params.get(Key::FirstBurstLength),
            Some(Value::Number(65_536))
        );
        assert_eq!(params.get(Key::ImmediateData), Some(Value::Boolean(false)));
        assert_eq!(params.get(Key::DefaultTime2Wait), Some(Value::Number(0)));
        assert_eq!(
            params.get(Key::HeaderDigest),
            Some(Value::Digest(DigestOffer::Crc32c))
        );
        assert_eq!(params.iter().count(), 5);
    }

    #[test]
    fn each_broken_login_parameter_has_its_text() {
        for (pair, text) in [
            ("frob=1", "Unknown param: frob"),
            ("headerdigest=none", "Unknown param: headerdigest"),
            ("frob", "invalid option argument - frob"),
            ("", "invalid option argument - "),
            ("immediatedata=maybe", "invalid option argument - maybe"),
            ("maxburstlength=", "invalid option argument - "),
            ("maxburstlength=1k", "invalid option argument - 1k"),
            ("maxburstlength=-1", "invalid option argument - -1"),
            ("maxburstlength=09", "invalid option argument - 09"),
            (
                "maxburstlength=511",
                "maxburstlength: value must be between 512 and 16777215",
            ),
            (
                "firstburstlength=16777216",
                "firstburstlength: value must be between 512 and 16777215",
            ),
            (
                "maxrecvdataseglen=99999999999999999999999",
                "maxrecvdataseglen: value must be between 512 and 16777215",
            ),
            (
                "defaulttime2wait=3601",
                "defaulttime2wait: value must be between 0 and 3600",
            ),
            (
                "maxoutstandingr2t=0",
                "maxoutstandingr2t: value must be between 1 and 65535",
            ),
            (
                "maxconnections=257",
                "maxconnections: value must be between 1 and 256",
            ),
            (
                "errorrecoverylevel=3",
                "errorrecoverylevel: value must be between 0 and 2",
            ),
            (
                "errorrecoverylevel=1",
                "errorrecoverylevel: Operation currently not supported",
            ),
            (
                "initialr2t=yes,initialr2t=no",
                "initialr2t=no: parameter given twice",
            ),
            (
                "firstburstlength=2048,maxburstlength=1024",
                "firstBurstLength must be less than or equal to than maxBurstLength",
            ),
        ] {
            assert_eq!(
                meant(&["modify", "target-param", "-p", pair, NAME]),
                Err(vec![text.to_owned()]),
                "{pair}"
            );
        }
    }

    #[test]
    fn discovery_is_enabled_or_disabled() {
        let meant = |word| meant(&["modify", "discovery", "-s", word]);
        let request = |static_targets| Request::ModifyDiscovery(Discovery { static_targets });
        assert_eq!(meant("ENABLE"), Ok(request(true)));
        assert_eq!(meant("disable"), Ok(request(false)));
        assert_eq!(
            meant("on"),
            Err(vec!["invalid option argument - on".to_owned()])
        );
    }
}
