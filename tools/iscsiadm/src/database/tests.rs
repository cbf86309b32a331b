// SPDX-License-Identifier: GPL-2.0

//! The database: round trip, broken files, and every point at which a write can be cut off.

use std::os::unix::fs::PermissionsExt;

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
        unresolved: Vec::new(),
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
            .store(&lock, configuration, &[], &self.system)
            .unwrap();
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
    bed.store(&full());
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
fn every_value_is_checked() {
    let system = System::at("/nonexistent");
    for (text, mistake) in [
        (r#"{"version":1,"frob":1}"#, "unknown field `frob`"),
        (
            r#"{"version":1,"initiator":{"node_name":"x"}}"#,
            "x: unknown iSCSI name type.",
        ),
        (
            r#"{"version":1,"static_config":[{"target":"iqn.2001-04.com.example","portal":"h"}]}"#,
            "h: invalid IP address",
        ),
        (
            r#"{"version":1,"target_param":[{"target":"eui.0123456789abcdef",
                "login":{"maxburstlength":511}}]}"#,
            "maxburstlength: invalid value 511",
        ),
        (
            r#"{"version":1,"target_param":[{"target":"eui.0123456789abcdef",
                "login":{"frob":1}}]}"#,
            "frob: invalid value 1",
        ),
        (
            r#"{"version":1,"target_param":[{"target":"eui.0123456789abcdef",
                "login":{"headerdigest":"md5"}}]}"#,
            "headerdigest: invalid value \"md5\"",
        ),
    ] {
        match format::read(text, &system) {
            Err(format::Broken::Content(found)) => assert!(found.contains(mistake), "{found}"),
            other => panic!("{text}: {other:?}"),
        }
    }
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

#[test]
fn an_interface_is_stored_by_name_and_an_entry_outlives_its_interface() {
    let bed = Bed::new();
    let mut configuration = full();
    let target = "iqn.2001-04.com.example:local";
    configuration
        .static_entries
        .push(entry(target, "[fe80::1%2]", None));
    bed.store(&configuration);
    let text = fs::read_to_string(bed.path(CURRENT)).unwrap();
    assert!(text.contains("[fe80::1%eth0]:3260"));
    assert_eq!(bed.load().configuration, Some(configuration));

    let net = bed.directory.path().join("sys/class/net");
    fs::rename(net.join("eth0"), net.join("eth1")).unwrap();
    let found = bed.load().configuration.unwrap();
    assert_eq!(found.static_entries, full().static_entries);
    assert_eq!(found.unresolved.len(), 1);
    bed.store(&full());
    fs::rename(net.join("eth1"), net.join("eth0")).unwrap();
    assert_eq!(bed.load().configuration.unwrap().static_entries.len(), 3);

    fs::rename(net.join("eth0"), net.join("eth1")).unwrap();
    let lock = bed.database.lock().unwrap();
    let removed = StaticSelector {
        target: name(target),
        portal: None,
        tpgt: None,
    };
    bed.database
        .store(&lock, &full(), &[removed], &bed.system)
        .unwrap();
    let text = fs::read_to_string(bed.path(CURRENT)).unwrap();
    assert!(!text.contains("fe80"));
}
