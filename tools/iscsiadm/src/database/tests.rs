// SPDX-License-Identifier: GPL-2.0

//! The database: round trip, broken files, and every point at which a write can be cut off.

use std::os::unix::fs::symlink;

use iscsi_proto::proto::address::{
    Portal,
    Tpgt, //
};
use iscsi_proto::proto::keys::{
    Digest,
    DigestOffer,
    Key,
    Value, //
};
use iscsi_proto::proto::names::Alias;

use super::*;

fn name(text: &str) -> IscsiName {
    IscsiName::parse(text).unwrap()
}

fn entry(target: &str, portal: &str, tpgt: Option<u16>) -> StaticEntry {
    StaticEntry {
        target: name(target),
        portal: Portal::parse(portal, 3260).unwrap(),
        tpgt: tpgt.map(Tpgt),
    }
}

fn full() -> Configuration {
    let mut params = Params::default();
    params.set(Key::MaxBurstLength, Value::Number(1 << 20));
    params.set(Key::ImmediateData, Value::Boolean(false));
    params.set(Key::DataDigest, Value::Digest(DigestOffer::Crc32c));
    Configuration {
        initiator: Initiator {
            node_name: Some(name("iqn.2026-11.org.iscsi-rs:0123456789ab")),
            node_alias: Some(Alias::parse("büro \"7\"").unwrap()),
            header_digest: Some(Digest::Crc32c),
            data_digest: None,
        },
        discovery: Discovery {
            static_targets: true,
        },
        static_entries: vec![
            entry("iqn.2001-04.com.example:disk", "192.0.2.1", Some(1)),
            entry("iqn.2001-04.com.example:disk", "[2001:db8::1]:860", None),
        ],
        target_params: vec![(name("eui.02004567a425678d"), params)],
        ..Configuration::default()
    }
}

struct Bed {
    directory: tempfile::TempDir,
    system: System,
    database: Database,
}

impl Bed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let net = directory.path().join("sys/class/net/eth0");
        fs::create_dir_all(&net).unwrap();
        fs::write(net.join("ifindex"), "2\n").unwrap();
        Self {
            system: System::at(directory.path().join("sys")),
            database: Database::at(directory.path().join("etc/iscsi")),
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("etc/iscsi").join(name)
    }

    fn load(&self) -> Found {
        let lock = self.database.lock().unwrap();
        self.database.load(&lock, &self.system).unwrap()
    }

    fn store(&self, configuration: &Configuration) {
        let lock = self.database.lock().unwrap();
        self.database
            .store(&lock, configuration, &self.system)
            .unwrap();
    }

    /// Stores what the kernel has after a change.
    fn update(&self, kernel: &Configuration, before: &Configuration, change: &Change<'_>) {
        let lock = self.database.lock().unwrap();
        let before = &before.static_entries;
        self.database
            .update(&lock, kernel.clone(), before, change, &self.system)
            .unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path(CURRENT)).unwrap()
    }

    /// Renames an interface.
    fn rename(&self, old: &str, new: &str) {
        let net = self.directory.path().join("sys/class/net");
        fs::rename(net.join(old), net.join(new)).unwrap();
    }
}

#[test]
fn what_is_stored_is_found_again() {
    let bed = Bed::new();
    assert_eq!(bed.load(), Found::default());
    bed.store(&full());
    let found = bed.load();
    assert_eq!(found.configuration, Some(full()));
    assert!(found.warnings.is_empty());
    let mode = fs::metadata(bed.path(CURRENT))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!bed.path(SCRATCH).exists());
    assert!(!bed.path(PREVIOUS).exists());
}

#[test]
fn the_text_is_what_the_documentation_shows() {
    let bed = Bed::new();
    bed.store(&full());
    let text = fs::read_to_string(bed.path(CURRENT)).unwrap();
    assert_eq!(
        text,
        r#"{
  "version": 1,
  "initiator": {
    "node_name": "iqn.2026-11.org.iscsi-rs:0123456789ab",
    "node_alias": "büro \"7\"",
    "header_digest": "CRC32"
  },
  "discovery": {
    "static": true
  },
  "static_config": [
    {
      "target": "iqn.2001-04.com.example:disk",
      "portal": "192.0.2.1:3260",
      "tpgt": 1
    },
    {
      "target": "iqn.2001-04.com.example:disk",
      "portal": "[2001:db8::1]:860"
    }
  ],
  "target_param": [
    {
      "target": "eui.02004567a425678d",
      "login": {
        "datadigest": "CRC32",
        "immediatedata": false,
        "maxburstlength": 1048576
      }
    }
  ]
}
"#
    );
}

#[test]
fn the_file_before_is_kept() {
    let bed = Bed::new();
    bed.store(&Configuration::default());
    let readable = Permissions::from_mode(0o644);
    fs::set_permissions(bed.path(CURRENT), readable).unwrap();
    bed.store(&full());
    let mode = fs::metadata(bed.path(PREVIOUS))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let previous = fs::read_to_string(bed.path(PREVIOUS)).unwrap();
    assert_eq!(
        format::read(&previous, &bed.system),
        Ok(Configuration::default())
    );
    bed.store(&Configuration::default());
    let previous = fs::read_to_string(bed.path(PREVIOUS)).unwrap();
    assert_eq!(format::read(&previous, &bed.system), Ok(full()));
}

#[test]
fn a_write_that_was_cut_off_loses_nothing() {
    let bed = Bed::new();
    bed.store(&full());
    let text = fs::read_to_string(bed.path(CURRENT)).unwrap();
    for end in [0, 1, text.len() / 2] {
        fs::write(bed.path(SCRATCH), &text[..end]).unwrap();
        let second_name = bed.path(&format!("{PREVIOUS}.new"));
        fs::hard_link(bed.path(CURRENT), &second_name).unwrap();
        assert_eq!(bed.load().configuration, Some(full()));
        bed.store(&full());
        assert_eq!(bed.load().configuration, Some(full()));
        assert!(!second_name.exists());
    }
}

#[test]
fn a_current_file_cut_at_any_byte_falls_back_to_the_one_before() {
    let bed = Bed::new();
    bed.store(&full());
    bed.store(&full());
    let text = fs::read(bed.path(CURRENT)).unwrap();
    // The last byte is the final newline, without which the text is whole.
    for end in 0..text.len() - 1 {
        fs::write(bed.path(CURRENT), &text[..end]).unwrap();
        let found = bed.load();
        assert_eq!(found.configuration, Some(full()), "{end}");
        assert_eq!(found.warnings.len(), 2);
        assert!(!bed.path(CURRENT).exists());
        assert_eq!(fs::read(bed.path(CORRUPT)).unwrap(), &text[..end]);
    }
    bed.store(&full());
    assert!(bed.load().warnings.is_empty());
}

#[test]
fn two_broken_files_are_both_kept_and_nothing_is_loaded() {
    let bed = Bed::new();
    bed.store(&full());
    fs::write(bed.path(CURRENT), b"\xff\xfe").unwrap();
    fs::write(bed.path(PREVIOUS), "{}").unwrap();
    let found = bed.load();
    assert_eq!(found.configuration, None);
    assert_eq!(found.warnings.len(), 2);
    assert_eq!(fs::read(bed.path(CORRUPT)).unwrap(), b"\xff\xfe");
    assert_eq!(fs::read(bed.path(PREVIOUS_CORRUPT)).unwrap(), b"{}");
}

#[test]
fn a_current_file_that_is_not_there_is_told_and_the_one_before_is_used() {
    let bed = Bed::new();
    bed.store(&full());
    bed.store(&full());
    fs::remove_file(bed.path(CURRENT)).unwrap();
    let found = bed.load();
    assert_eq!(found.configuration, Some(full()));
    let name = |name| bed.path(name).display().to_string();
    assert_eq!(
        found.warnings,
        [
            format!("{} is not there", name(CURRENT)),
            format!("the configuration of {} is used instead", name(PREVIOUS)),
        ]
    );

    // Its directory may be mounted later.
    symlink("/gone/db", bed.path(CURRENT)).unwrap();
    let lock = bed.database.lock().unwrap();
    let failure = bed.database.load(&lock, &bed.system).unwrap_err();
    assert_eq!(
        failure.lines,
        [format!(
            "{}: a symbolic link to /gone/db, which cannot be used: No such file or directory",
            name(CURRENT)
        )]
    );
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_is_legal() {
    let system = System::at("/nonexistent");
    let entry = |rest| {
        format!(
            r#"{{"version":1,"static_config":[{{"target":"iqn.2001-04.com.example:disk",{rest}}}]}}"#
        )
    };
    let login = |login| {
        format!(
            r#"{{"version":1,"target_param":[{{"target":"eui.0123456789abcdef","login":{login}}}]}}"#
        )
    };
    let text = str::to_owned;
    for (document, mistake) in [
        (text(" \n"), "the file is empty"),
        (
            text("{"),
            "no valid JSON: EOF while parsing an object at line 1 column 1",
        ),
        (text("[]"), "must be an object ({...}), not a list"),
        (text("null"), "must be an object ({...}), not null"),
        (text("{}"), "field \"version\" is missing"),
        (
            text(r#"{"version":"1"}"#),
            "version: must be 1, not \"1\"",
        ),
        (text(r#"{"version":0}"#), "version: must be 1, not 0"),
        (
            text(r#"{"version":1,"version":1}"#),
            "version: given twice",
        ),
        (
            text(r#"{"version":1,"frob":1}"#),
            "unknown field \"frob\"; legal: version, initiator, discovery, static_config, \
             target_param, refused",
        ),
        (
            text(r#"{"version":1,"discovery":{"isns":false}}"#),
            "discovery: unknown field \"isns\"; legal: static",
        ),
        (
            text(r#"{"version":1,"discovery":{"static":"enable"}}"#),
            "discovery.static: must be true or false, not \"enable\"",
        ),
        (
            text(r#"{"version":1,"initiator":{"node_name":"x"}}"#),
            "initiator.node_name: x: unknown iSCSI name type.",
        ),
        (
            text(r#"{"version":1,"initiator":{"node_alias":7}}"#),
            "initiator.node_alias: must be a string, not 7",
        ),
        (
            text(r#"{"version":1,"initiator":{"data_digest":"md5"}}"#),
            "initiator.data_digest: must be \"NONE\" or \"CRC32\", not \"md5\"",
        ),
        (
            text(r#"{"version":1,"static_config":{}}"#),
            "static_config: must be a list ([...]), not an object",
        ),
        (
            entry(r#""tpgt":1"#),
            "static_config[0]: field \"portal\" is missing",
        ),
        (
            entry(r#""portal":"h""#),
            "static_config[0].portal: h: invalid IP address",
        ),
        (
            entry(r#""portal":"[::1]","tpgt":-1"#),
            "static_config[0].tpgt: must be a number from 0 to 65535, not -1",
        ),
        (
            text(r#"{"version":1,"refused":{"static_config":[{},{}]}}"#),
            "refused.static_config[0]: field \"target\" is missing",
        ),
        (
            login(r#"{"maxburstlength":511}"#),
            "target_param[0].login.maxburstlength: must be a number from 512 to 16777215, not 511",
        ),
        (
            login(r#"{"immediatedata":"yes"}"#),
            "target_param[0].login.immediatedata: must be true or false, not \"yes\"",
        ),
        (
            login(r#"{"headerdigest":["CRC32"]}"#),
            "target_param[0].login.headerdigest: must be \"NONE\" or \"CRC32\", not a list",
        ),
        (
            login(r#"{"frob":5}"#),
            "target_param[0].login: unknown field \"frob\"; legal: dataseqinorder, datapduinorder, \
             defaulttime2retain, defaulttime2wait, firstburstlength, immediatedata, initialr2t, \
             maxburstlength, maxrecvdataseglen, headerdigest, datadigest",
        ),
    ] {
        assert_eq!(
            format::read(&document, &system),
            Err(format::Broken::Content(mistake.to_owned())),
            "{document}"
        );
    }
}

#[test]
fn what_a_list_has_where_nothing_is_set_may_be_copied() {
    let text = r#"{"version":1,"initiator":{"node_alias":null},"refused":null,
        "static_config":[{"target":"iqn.2001-04.com.example:disk","portal":"192.0.2.1","tpgt":null}]}"#;
    let found = format::read(text, &System::at("/nonexistent")).unwrap();
    let expected = entry("iqn.2001-04.com.example:disk", "192.0.2.1", None);
    assert_eq!(found.static_entries, [expected]);
}

#[test]
fn what_stands_in_place_of_the_directory_is_told() {
    let bed = Bed::new();
    let etc = bed.directory.path().join("etc");
    fs::create_dir(&etc).unwrap();
    let why = || {
        let mut lines = bed.database.lock().unwrap_err().lines;
        let line = lines.pop().unwrap();
        line.replace(&format!("{}/", bed.directory.path().display()), "")
    };
    fs::write(etc.join("iscsi"), "").unwrap();
    assert_eq!(why(), "etc/iscsi: not a directory");
    for (to, mistake) in [
        ("gone", "which cannot be used: No such file or directory"),
        (
            "iscsi",
            "which cannot be used: Too many levels of symbolic links",
        ),
        ("/dev/null", "which is not a directory"),
    ] {
        fs::remove_file(etc.join("iscsi")).unwrap();
        symlink(to, etc.join("iscsi")).unwrap();
        assert_eq!(
            why(),
            format!("etc/iscsi: a symbolic link to {to}, {mistake}")
        );
    }
    fs::create_dir(etc.join("gone")).unwrap();
    fs::remove_file(etc.join("iscsi")).unwrap();
    symlink("gone", etc.join("iscsi")).unwrap();
    bed.store(&full());
    assert_eq!(bed.load().configuration, Some(full()));
}

#[test]
fn a_newer_version_is_left_alone() {
    let bed = Bed::new();
    bed.store(&full());
    fs::write(bed.path(CURRENT), r#"{"version":2,"more":[]}"#).unwrap();
    let lock = bed.database.lock().unwrap();
    let failure = bed.database.load(&lock, &bed.system).unwrap_err();
    assert!(failure.lines[0].ends_with("version 2 was written by a newer iscsiadm"));
    assert!(bed.path(CURRENT).exists());
}

const LOCAL: &str = "iqn.2001-04.com.example:local";

/// `full`, and an entry with the interface number 2.
fn with_interface() -> Configuration {
    let mut configuration = full();
    let local = entry(LOCAL, "[fe80::1%2]", None);
    configuration.static_entries.push(local);
    configuration
}

fn remove(target: &str, portal: Option<&str>) -> StaticSelector {
    StaticSelector {
        target: name(target),
        portal: portal.map(|portal| Portal::parse(portal, 3260).unwrap()),
        tpgt: None,
    }
}

#[test]
fn an_interface_is_stored_by_name_and_an_entry_outlives_its_interface() {
    let bed = Bed::new();
    let nothing = Change::default();
    bed.store(&with_interface());
    assert!(bed.text().contains("[fe80::1%eth0]:3260"));
    assert_eq!(bed.load().configuration, Some(with_interface()));

    bed.rename("eth0", "eth1");
    let found = bed.load().configuration.unwrap();
    assert_eq!(found.static_entries, full().static_entries);
    assert_eq!(found.unresolved.len(), 1);
    bed.update(&full(), &full(), &nothing);
    bed.rename("eth1", "eth0");
    assert_eq!(bed.load().configuration.unwrap().static_entries.len(), 3);

    bed.rename("eth0", "eth1");
    let removed = Change {
        removed: &[remove(LOCAL, None)],
        ..nothing
    };
    bed.update(&full(), &full(), &removed);
    assert!(!bed.text().contains("fe80"));
}

#[test]
fn an_entry_of_the_kernel_keeps_the_name_of_an_interface_that_went_away() {
    let bed = Bed::new();
    let (kernel, nothing) = (with_interface(), Change::default());
    bed.store(&kernel);
    bed.rename("eth0", "gone");
    fs::remove_file(bed.directory.path().join("sys/class/net/gone/ifindex")).unwrap();
    for _ in 0..2 {
        bed.update(&kernel, &kernel, &nothing);
        assert!(bed.text().contains("[fe80::1%eth0]:3260"));
        assert!(!bed.text().contains("%2"));
        assert_eq!(bed.load().configuration.unwrap().unresolved.len(), 1);
    }

    // It comes back with another number.
    bed.rename("gone", "eth0");
    let ifindex = bed.directory.path().join("sys/class/net/eth0/ifindex");
    fs::write(&ifindex, "7").unwrap();
    bed.update(&kernel, &kernel, &nothing);
    let found = bed.load().configuration.unwrap();
    let again = entry(LOCAL, "[fe80::1%7]", None);
    assert_eq!(found.static_entries.last(), Some(&again));
    // Added once more, it is stored once.
    let mut both = kernel.clone();
    both.static_entries.push(again);
    bed.update(&both, &kernel, &nothing);
    assert_eq!(bed.load().configuration.unwrap(), found);

    fs::remove_file(ifindex).unwrap();
    let removed = Change {
        removed: &[remove(LOCAL, Some("[fe80::1%2]"))],
        ..nothing
    };
    bed.update(&full(), &kernel, &removed);
    assert!(!bed.text().contains("fe80"));
}

#[test]
fn what_the_kernel_refused_is_kept_until_a_change_is_about_it() {
    let bed = Bed::new();
    let refused = Refused {
        initiator: full().initiator.but(&Initiator {
            node_name: full().initiator.node_name,
            ..Initiator::default()
        }),
        discovery: Some(full().discovery),
        static_entries: full().static_entries,
        target_params: full().target_params,
    };
    let kernel = full().without(refused.clone());
    assert!(kernel.static_entries.is_empty() && kernel.target_params.is_empty());
    assert_eq!(kernel.clone().wanted(), full());
    bed.store(&kernel);
    assert_eq!(bed.load().configuration, Some(kernel.clone()));

    let bare = Configuration {
        refused: Refused::default(),
        ..kernel
    };
    let nothing = Change::default();
    bed.update(&bare, &bare, &nothing);
    let left = || bed.load().configuration.unwrap().refused;
    assert_eq!(left(), refused);

    let digest = Initiator {
        header_digest: Some(Digest::None),
        ..Initiator::default()
    };
    let removed = remove("iqn.2001-04.com.example:disk", Some("192.0.2.1"));
    let change = Change {
        removed: &[removed],
        initiator: Some(&digest),
        discovery: true,
        ..nothing
    };
    bed.update(&bare, &bare, &change);
    assert_eq!(left().static_entries, full().static_entries[1..]);
    assert_eq!(left().initiator.header_digest, None);
    assert_eq!(left().initiator.node_alias, full().initiator.node_alias);
    assert_eq!(left().discovery, None);

    // What the kernel has by now is not refused any more.
    let mut later = bare.clone();
    let (target, params) = &full().target_params[0];
    let mut one = Params::default();
    one.set(Key::ImmediateData, Value::Boolean(true));
    later.target_params.push((*target, one.clone()));
    later.static_entries = full().static_entries;
    later.initiator = full().initiator;
    bed.update(&later, &bare, &nothing);
    let rest = params.but(&one);
    assert_eq!(left().target_params, [(*target, rest)]);
    assert!(left().static_entries.is_empty());
    assert_eq!(left().initiator, Initiator::default());

    let change = Change {
        params_removed: Some(target),
        ..nothing
    };
    bed.update(&bare, &later, &change);
    assert!(left().is_empty());
    assert!(!bed.text().contains("refused"));
}
