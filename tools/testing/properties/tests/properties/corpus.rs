// SPDX-License-Identifier: GPL-2.0

//! What the fuzz targets know already, and that their build notices what they look for.

use std::{
    fs,
    path::PathBuf, //
};

use iscsi_properties::TARGETS;
use iscsi_proto::proto::pdu::{
    SegmentLen,
    SegmentLens, //
};

fn fuzz(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/fuzz")).join(path)
}

/// Also with its end cut off at every byte, as long as that is quick.
#[test]
fn every_input_of_the_corpus_passes() {
    for (name, target) in TARGETS {
        let directory = fuzz("corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&directory).expect(name) {
            let input = fs::read(entry.expect(name).path()).expect(name);
            target(&input);
            (0..input.len().min(64)).for_each(|end| target(&input[..end]));
            inputs += 1;
        }
        assert!(inputs > 3, "{name} has a corpus");
    }
}

#[test]
fn every_target_is_built_and_seeded() {
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("\nname = \"{name}\"\n")),
            "{name}"
        );
        let program = fs::read_to_string(fuzz("fuzz_targets").join(format!("{name}.rs")));
        assert!(program.is_ok(), "{name}");
    }
    let corpora = fs::read_dir(fuzz("corpus")).expect("corpora").count();
    // One more for the target that shows that the build finds what it should.
    assert_eq!(corpora, TARGETS.len() + 1);
}

/// In the core, as the core was compiled.
#[test]
#[should_panic(expected = "attempt to add with overflow")]
fn arithmetic_that_overflows_is_noticed() {
    let lens = SegmentLens {
        ahs: u32::MAX,
        header_digest: 0,
        data: SegmentLen::ZERO,
        padding: 0,
        data_digest: 0,
    };
    lens.total();
}

/// Also where programs are built that run in guests, and those that fuzz.
#[test]
fn every_profile_checks_for_overflow() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    for manifest in [PathBuf::from(root).join("Cargo.toml"), fuzz("Cargo.toml")] {
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        for profile in ["dev", "release"] {
            let (_, section) = manifest
                .split_once(&format!("[profile.{profile}]\n"))
                .expect(profile);
            let section = section.split("\n[").next().unwrap_or_default();
            assert!(section.contains("overflow-checks = true\n"), "{profile}");
        }
    }
}

/// The compiler does the rest, in the module as here.
#[test]
fn the_core_forbids_unsafe_code() {
    let core = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../drivers/scsi/iscsi/proto/mod.rs"
    );
    let core = fs::read_to_string(core).expect("the core");
    assert!(core.lines().any(|line| line == "#![forbid(unsafe_code)]"));
}
