// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::proto::text;

#[test]
fn names_are_unique_legal_and_found() {
    for &key in Key::ALL {
        let same = |other: &&Key| other.name() == key.name();
        assert_eq!(Key::ALL.iter().filter(same).count(), 1, "{key}");
        assert_eq!(Key::from_name(key.name()), Some(key));
        assert_eq!(key.spec().key, key);
        assert!(key.name().len() <= text::MAX_KEY_BYTES);
    }
    assert_eq!(Key::from_name("maxburstlength"), None);
    assert_eq!(Key::from_name(""), None);
}

#[test]
fn every_default_is_a_legal_value() {
    for &key in Key::ALL {
        if let Some(value) = key.spec().default() {
            assert_eq!(key.spec().check(value), Ok(()), "{key}");
        }
    }
    for &key in Key::VALUES {
        assert!(key.spec().default().is_some(), "{key}");
    }
}

#[test]
fn ranges_are_inclusive() {
    for &key in Key::ALL {
        let Kind::Number { min, max, .. } = key.spec().kind else {
            continue;
        };
        let out = Err(ValueError::OutOfRange { key, min, max });
        assert_eq!(key.spec().check(Value::Number(min)), Ok(()));
        assert_eq!(key.spec().check(Value::Number(max)), Ok(()));
        assert_eq!(key.spec().check(Value::Number(max + 1)), out);
        if let Some(below) = min.checked_sub(1) {
            assert_eq!(key.spec().check(Value::Number(below)), out);
        }
        let wrong = Err(ValueError::WrongKind(key));
        assert_eq!(key.spec().check(Value::Boolean(true)), wrong);
    }
}

#[test]
fn the_rfc_ranges_and_defaults() {
    // (key, section, minimum, maximum, default) as RFC 7143 section 13 writes them.
    let table = [
        (Key::MaxConnections, "13.2", 1, 65535, 1),
        (
            Key::MaxRecvDataSegmentLength,
            "13.12",
            512,
            (1 << 24) - 1,
            8192,
        ),
        (Key::MaxBurstLength, "13.13", 512, (1 << 24) - 1, 262144),
        (Key::FirstBurstLength, "13.14", 512, (1 << 24) - 1, 65536),
        (Key::DefaultTime2Wait, "13.15", 0, 3600, 2),
        (Key::DefaultTime2Retain, "13.16", 0, 3600, 20),
        (Key::MaxOutstandingR2T, "13.17", 1, 65535, 1),
        (Key::ErrorRecoveryLevel, "13.20", 0, 2, 0),
        (Key::IscsiProtocolLevel, "13.24", 0, 31, 1),
    ];
    for (key, section, low, high, start) in table {
        let spec = key.spec();
        assert_eq!(spec.section, section);
        let Kind::Number {
            min, max, default, ..
        } = spec.kind
        else {
            panic!("{key} is no number");
        };
        assert_eq!((min, max, default), (low, high, start), "{key}");
    }
}

#[test]
fn the_listing_holds_every_parameter_once() {
    for &key in Key::VALUES {
        let count = LISTED.iter().filter(|listed| **listed == key).count();
        assert_eq!(count, 1, "{key}");
    }
    assert_eq!(LISTED.len(), Key::VALUES.len());
}

#[test]
fn iscsiadm_finds_its_parameters_and_only_those() {
    assert_eq!(param("MaxBurstLength"), Some(Key::MaxBurstLength));
    assert_eq!(
        param("maxrecvdataseglen"),
        Some(Key::MaxRecvDataSegmentLength)
    );
    assert_eq!(param("headerdigest"), None);
    assert_eq!(param("maxrecvdatasegmentlength"), None);
    assert_eq!(param("targetname"), None);
}

#[test]
fn an_offer_of_digests_contains_what_its_list_says() {
    for offer in DigestOffer::ALL {
        let names = || text::parse_list(offer.as_str()).unwrap();
        for digest in [Digest::None, Digest::Crc32c] {
            let listed = names().any(|name| name == digest.as_str());
            assert_eq!(offer.contains(digest), listed);
        }
    }
    assert_eq!(Digest::from_name("crc32c"), None);
}

#[test]
fn key_sets_count_each_key_once() {
    let mut set = KeySet::default();
    for &key in Key::ALL {
        assert!(set.insert(key));
        assert!(!set.insert(key));
    }
    assert!(set.iter().eq(Key::ALL.iter().copied()));
}
