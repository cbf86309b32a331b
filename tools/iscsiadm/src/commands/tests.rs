// SPDX-License-Identifier: GPL-2.0

//! Whole calls, from the words to the output, with a kernel that is a few lists.

use std::ffi::OsString;
use std::time::Duration;

use iscsi_proto::proto::address::Tpgt;
use iscsi_proto::proto::keys::{
    Key,
    Value,
    LISTED, //
};
use iscsi_proto::proto::names::IscsiName;
use rustix::io::Errno;

use super::*;
use crate::failure::Exit;
use crate::kernel::Refusal;
use crate::meaning;
use crate::model::{
    Connection,
    ConnectionState,
    Discovery,
    Initiator,
    Lun,
    Mark,
    Params,
    SessionState,
    StaticEntry,
    StaticSelector,
    Target,
    TargetParam, //
};
use crate::parse;

/// A kernel that keeps its configuration, and makes one session per entry and step of time.
#[derive(Default)]
struct FakeKernel {
    initiator: Initiator,
    configured: bool,
    discovery: Discovery,
    entries: Vec<StaticEntry>,
    params: Vec<(IscsiName, Params)>,
    /// Name of a target that refuses every login.
    refuses: &'static str,
    /// The portal group that answers.
    group: Option<Tpgt>,
    /// Name of a target whose entry is in use.
    busy: &'static str,
    /// Whether it has no memory for anything new.
    full: bool,
    /// Whether its entries are removed by somebody else while a call waits.
    removes: bool,
    /// Logins that were tried so far.
    tried: usize,
    changes: usize,
}

fn refused(errno: Errno, sentence: &str) -> Result<(), Refusal> {
    Err(Refusal {
        errno,
        sentence: Some(sentence.to_owned()),
        item: None,
    })
}

impl Kernel for FakeKernel {
    fn initiator(&mut self) -> Result<(Initiator, Mark), Refusal> {
        let mark = match self.configured {
            true => Mark::Configured,
            false => Mark::Fresh,
        };
        Ok((self.initiator.clone(), mark))
    }

    fn set_initiator(&mut self, change: &Initiator) -> Result<(), Refusal> {
        self.changes += 1;
        let own = &mut self.initiator;
        own.node_name = change.node_name.or(own.node_name);
        own.node_alias = change
            .node_alias
            .or(own.node_alias)
            .filter(|alias| !alias.is_empty());
        own.header_digest = change.header_digest.or(own.header_digest);
        own.data_digest = change.data_digest.or(own.data_digest);
        Ok(())
    }

    fn mark_configured(&mut self) -> Result<(), Refusal> {
        self.configured = true;
        Ok(())
    }

    fn discovery(&mut self) -> Result<Discovery, Refusal> {
        Ok(self.discovery)
    }

    fn set_discovery(&mut self, discovery: Discovery) -> Result<(), Refusal> {
        self.changes += 1;
        if self.full && discovery.static_targets {
            return refused(Errno::NOMEM, "no session");
        }
        self.discovery = discovery;
        Ok(())
    }

    fn static_entries(&mut self) -> Result<Vec<StaticEntry>, Refusal> {
        Ok(self.entries.clone())
    }

    fn add_static(&mut self, entries: &[StaticEntry]) -> Result<(), Refusal> {
        self.changes += 1;
        if entries.iter().any(|entry| self.entries.contains(entry)) {
            return refused(Errno::EXIST, "there is an equal entry");
        }
        if self.full {
            return refused(Errno::NOMEM, "no entry");
        }
        self.entries.extend(entries);
        Ok(())
    }

    fn remove_static(&mut self, selectors: &[StaticSelector]) -> Result<(), Refusal> {
        self.changes += 1;
        for (item, selector) in selectors.iter().enumerate() {
            let about = |refusal| Refusal {
                item: Some(item),
                ..refusal
            };
            if !self.entries.iter().any(|entry| selector.matches(entry)) {
                return refused(Errno::NOENT, "no such entry").map_err(about);
            }
            if selector.target.as_str() == self.busy {
                return refused(Errno::BUSY, "sda is mounted").map_err(about);
            }
        }
        self.entries
            .retain(|entry| !selectors.iter().any(|selector| selector.matches(entry)));
        Ok(())
    }

    fn target_params(&mut self) -> Result<Vec<TargetParam>, Refusal> {
        let mut defaults = Params::default();
        for key in LISTED {
            defaults.set(key, key.spec().default().unwrap());
        }
        let names = self.entries.iter().map(|entry| entry.target);
        let mut all: Vec<TargetParam> = Vec::new();
        for target in names.chain(self.params.iter().map(|(name, _)| *name)) {
            if all.iter().all(|param| param.target != target) {
                let set = self.params.iter().find(|(name, _)| *name == target);
                all.push(TargetParam {
                    target,
                    alias: None,
                    configured: set.map(|(_, p)| p.clone()).unwrap_or_default(),
                    defaults: defaults.clone(),
                });
            }
        }
        Ok(all)
    }

    fn set_target_params(&mut self, targets: &[IscsiName], params: &Params) -> Result<(), Refusal> {
        self.changes += 1;
        if self.full {
            return refused(Errno::NOMEM, "no parameters");
        }
        let mut all = self.params.clone();
        for (item, target) in targets.iter().enumerate() {
            let mut kept = Params::default();
            all.retain(|(name, old)| {
                if name == target {
                    kept = old.clone();
                }
                name != target
            });
            for (key, value) in params.iter() {
                kept.set(key, value);
            }
            let number = |key: Key| match kept.get(key).or(key.spec().default()) {
                Some(Value::Number(number)) => number,
                other => panic!("{other:?}"),
            };
            if number(Key::FirstBurstLength) > number(Key::MaxBurstLength) {
                return refused(Errno::INVAL, "bursts").map_err(|refusal| Refusal {
                    item: Some(item),
                    ..refusal
                });
            }
            all.push((*target, kept));
        }
        self.params = all;
        Ok(())
    }

    fn remove_target_params(&mut self, target: &IscsiName) -> Result<(), Refusal> {
        self.changes += 1;
        let before = self.params.len();
        self.params.retain(|(name, _)| name != target);
        match before == self.params.len() {
            true => refused(Errno::NOENT, "nothing is set"),
            false => Ok(()),
        }
    }

    fn targets(&mut self) -> Result<Vec<Target>, Refusal> {
        if !self.discovery.static_targets {
            return Ok(Vec::new());
        }
        let session = |(number, entry): (usize, &StaticEntry)| {
            let logged_in = number < self.tried && entry.target.as_str() != self.refuses;
            Target {
                session_id: u32::try_from(number).ok(),
                name: entry.target.to_string(),
                portal: Some(entry.portal),
                tpgt: self.group,
                state: Some(match logged_in {
                    true => SessionState::LoggedIn,
                    false => SessionState::Free,
                }),
                last_error: (number < self.tried && !logged_in)
                    .then(|| "target refused login: \u{1b}[2J".to_owned()),
                connections: vec![Connection {
                    state: logged_in.then_some(ConnectionState::LoggedIn),
                    ..Connection::default()
                }],
                ..Target::default()
            }
        };
        Ok(self.entries.iter().enumerate().map(session).collect())
    }

    fn rescan(&mut self, target: Option<&IscsiName>) -> Result<(), Refusal> {
        match target {
            Some(name) if self.entries.iter().all(|entry| entry.target != *name) => {
                refused(Errno::NOENT, "no session")
            }
            Some(_) | None => Ok(()),
        }
    }

    fn luns(&mut self) -> Result<Vec<Lun>, Refusal> {
        let lun = |lun| Lun {
            session_id: 0,
            host: 3,
            channel: 0,
            id: 0,
            lun,
        };
        Ok(vec![lun(1), lun(0)])
    }

    fn watch(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn wait(&mut self, _timeout: Duration) -> Result<(), Refusal> {
        self.tried += 1;
        if self.removes {
            self.entries.clear();
        }
        Ok(())
    }
}

struct Bed {
    kernel: FakeKernel,
    directory: tempfile::TempDir,
}

const DISK: &str = "iqn.2001-04.com.example:disk";
const TAPE: &str = "iqn.2001-04.com.example:tape";

impl Bed {
    fn new() -> Self {
        Self {
            kernel: FakeKernel::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn call(&mut self, line: &str) -> Result<(String, Exit), Failure> {
        let words = line.split_whitespace().map(OsString::from).collect();
        let system = System::at("/nonexistent");
        let request = meaning::understand(parse::parse(words)?, &system)?;
        let mut context = Context {
            kernel: &mut self.kernel,
            database: Database::at(self.directory.path()),
            system,
        };
        context.load()?;
        run(&mut context, request)
    }

    fn done(&mut self, line: &str) -> String {
        match self.call(line) {
            Ok((text, Exit::Done)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn failed(&mut self, line: &str) -> Failure {
        match self.call(line) {
            Err(failure) => failure,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn stored(&self) -> serde_json::Value {
        let path = self.directory.path().join("initiator.db.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }
}

#[test]
fn the_first_call_gives_the_initiator_a_name_and_keeps_it() {
    let mut bed = Bed::new();
    let text = bed.done("list initiator-node");
    let name = bed.kernel.initiator.node_name.unwrap();
    assert!(text.starts_with(&format!("Initiator node name: {name}\n")));
    let digits = name.as_str().strip_prefix(load::NAME_PREFIX).unwrap();
    assert_eq!(digits.len(), 12);
    assert_eq!(bed.stored()["initiator"]["node_name"], name.as_str());
    bed.kernel = FakeKernel::default();
    bed.done("list discovery");
    assert_eq!(bed.kernel.initiator.node_name, Some(name));
}

#[test]
fn everything_outlives_the_module() {
    let mut bed = Bed::new();
    bed.done(&format!(
        "add static-config {DISK},192.0.2.1 {TAPE},[::1]:861,3"
    ));
    bed.done("modify initiator-node -A box -h crc32");
    bed.done(&format!(
        "modify target-param -p maxburstlength=65536 -d CRC32 {DISK}"
    ));
    bed.done("modify discovery -s enable");
    let before = Configuration::from_kernel(&mut bed.kernel).unwrap();
    bed.kernel = FakeKernel::default();
    bed.done("list target");
    assert_eq!(Configuration::from_kernel(&mut bed.kernel), Ok(before));
    assert!(bed.kernel.configured);
    let changes = bed.kernel.changes;
    bed.done("list target");
    assert_eq!(bed.kernel.changes, changes, "loaded twice");
}

#[test]
fn what_a_load_refuses_is_kept_and_can_be_removed() {
    let mut bed = Bed::new();
    bed.done(&format!(
        "add static-config {DISK},192.0.2.1 {TAPE},192.0.2.1"
    ));
    bed.done(&format!("modify target-param -d CRC32 {DISK}"));
    bed.done("modify discovery -s enable");
    let before = Configuration::from_kernel(&mut bed.kernel).unwrap();
    let full = || FakeKernel {
        full: true,
        ..FakeKernel::default()
    };
    for _ in 0..2 {
        bed.kernel = full();
        bed.done("modify initiator-node -A box");
        assert!(bed.kernel.entries.is_empty() && bed.kernel.params.is_empty());
        assert!(!bed.kernel.discovery.static_targets);
    }
    bed.kernel = FakeKernel::default();
    bed.done("list discovery");
    let mut after = Configuration::from_kernel(&mut bed.kernel).unwrap();
    after.initiator.node_alias = None;
    assert_eq!(after, before);
    assert!(bed.stored().get("refused").is_none());

    bed.kernel = full();
    bed.done(&format!("remove static-config {TAPE}"));
    bed.done(&format!("remove target-param {DISK}"));
    bed.done("modify discovery -s disable");
    let refused = bed.stored()["refused"].clone();
    let entry = serde_json::json!({ "target": DISK, "portal": "192.0.2.1:3260" });
    assert_eq!(refused, serde_json::json!({ "static_config": [entry] }));
    assert_eq!(
        bed.failed(&format!("remove target-param {DISK}")).lines,
        [format!("{DISK}: not found")]
    );
    bed.done(&format!("remove static-config {DISK},192.0.2.1"));
    assert!(bed.stored().get("refused").is_none());
}

#[test]
fn a_load_that_was_cut_off_is_run_again() {
    let mut bed = Bed::new();
    bed.done(&format!(
        "add static-config {DISK},192.0.2.1 {TAPE},192.0.2.1"
    ));
    let entries = bed.kernel.entries.clone();
    bed.kernel = FakeKernel {
        entries: entries[..1].to_vec(),
        ..FakeKernel::default()
    };
    bed.done("list discovery");
    assert_eq!(bed.kernel.entries, entries);
}

#[test]
fn a_login_is_waited_for_and_its_refusal_is_told() {
    let mut bed = Bed::new();
    bed.kernel.refuses = TAPE;
    bed.done("modify discovery -s enable");
    assert_eq!(bed.done(&format!("add static-config {DISK},192.0.2.1")), "");
    assert_eq!(bed.kernel.tried, 1);
    let failure = bed.failed(&format!("add static-config {TAPE},192.0.2.1"));
    assert_eq!(failure.exit, Exit::NotLoggedIn);
    assert_eq!(
        failure.lines,
        [format!(
            "{TAPE},192.0.2.1:3260: target refused login: \u{1b}[2J"
        )]
    );
    assert_eq!(bed.stored()["static_config"][1]["target"], TAPE);
}

#[test]
fn an_entry_that_the_session_of_another_one_does_not_serve_is_told() {
    let mut bed = Bed::new();
    bed.kernel.group = Some(Tpgt(1));
    bed.done("modify discovery -s enable");
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    bed.done(&format!("add static-config {DISK},192.0.2.1,1"));
    let failure = bed.failed(&format!("add static-config {DISK},192.0.2.1,7"));
    assert_eq!(failure.exit, Exit::NotLoggedIn);
    assert_eq!(
        failure.lines,
        [format!(
            "{DISK},192.0.2.1:3260: target portal group tag is 1 instead of 7"
        )]
    );
    assert_eq!(bed.stored()["static_config"].as_array().unwrap().len(), 3);
}

#[test]
fn a_call_with_any_mistake_changes_nothing() {
    let mut bed = Bed::new();
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    let changes = bed.kernel.changes;
    let stored = bed.stored();
    for (line, text) in [
        (
            format!("add static-config {TAPE},192.0.2.1 {DISK},192.0.2.1"),
            format!("{DISK},192.0.2.1:3260: already configured"),
        ),
        (
            format!("add static-config {TAPE},192.0.2.1 {TAPE},192.0.2.1:3260"),
            format!("{TAPE},192.0.2.1:3260: already configured"),
        ),
        (
            format!("add static-config {TAPE},192.0.2.1 {TAPE}"),
            format!("{TAPE}: missing target address"),
        ),
        (
            format!("remove static-config {DISK} {TAPE}"),
            format!("{TAPE}: not found"),
        ),
        (
            format!("remove static-config {DISK},192.0.2.1,7"),
            format!("{DISK},192.0.2.1:3260,7: not found"),
        ),
        (
            format!("remove target-param {DISK}"),
            format!("{DISK}: not found"),
        ),
    ] {
        let failure = bed.failed(&line);
        assert_eq!((failure.exit, failure.lines), (Exit::Failed, vec![text]));
    }
    assert_eq!(bed.kernel.changes, changes);
    assert_eq!(bed.stored(), stored);
    let previous = bed.directory.path().join("initiator.db.json.prev");
    assert!(!std::fs::read_to_string(previous).unwrap().contains(DISK));
}

#[test]
fn parameters_are_set_for_all_operands_or_for_none() {
    let mut bed = Bed::new();
    bed.done(&format!(
        "modify target-param -p firstburstlength=131072 {DISK}"
    ));
    let stored = bed.stored();
    let previous = bed.directory.path().join("initiator.db.json.prev");
    let before = std::fs::read(&previous).unwrap();
    let change = format!("modify target-param -p maxburstlength=65536 {TAPE} {DISK}");
    let failure = bed.failed(&change);
    assert_eq!(
        failure.lines[0],
        format!("{DISK}: bursts (Invalid parameter specified)")
    );
    assert_eq!(bed.stored(), stored);
    let after = std::fs::read(&previous).unwrap();
    assert_eq!(after, before, "what was stored is stored again");
}

#[test]
fn both_bursts_may_grow_in_one_call_in_any_order() {
    let mut bed = Bed::new();
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    bed.done(&format!(
        "modify target-param -p firstburstlength=1048576,maxburstlength=1048576 {DISK}"
    ));
    let login = &bed.stored()["target_param"][0]["login"];
    assert_eq!(login["firstburstlength"], 1 << 20);
    bed.done(&format!("remove target-param {DISK}"));
    assert!(bed.kernel.params.is_empty());
}

#[test]
fn a_refusal_is_told_in_the_kernels_words() {
    let mut bed = Bed::new();
    bed.kernel.busy = DISK;
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    let failure = bed.failed(&format!("remove static-config {DISK}"));
    assert_eq!(
        failure.lines,
        [
            format!("{DISK}: sda is mounted (Logical unit in use)").as_str(),
            "Unable to complete operation"
        ]
    );
    assert_eq!(failure.exit, Exit::Failed);
}

#[test]
fn a_removal_that_is_refused_removes_nothing_and_tells_which_operand_is_in_use() {
    let mut bed = Bed::new();
    bed.kernel.busy = DISK;
    bed.done(&format!(
        "add static-config {TAPE},192.0.2.1 {DISK},192.0.2.1"
    ));
    let stored = bed.stored();
    let failure = bed.failed(&format!("remove static-config {TAPE} {DISK}"));
    assert_eq!(
        failure.lines[0],
        format!("{DISK}: sda is mounted (Logical unit in use)")
    );
    assert_eq!(bed.stored(), stored);
    // One operand may mean what another one means as well.
    bed.kernel.busy = "";
    bed.done(&format!(
        "remove static-config {TAPE} {DISK} {DISK},192.0.2.1"
    ));
    assert_eq!(bed.stored()["static_config"], serde_json::json!([]));
}

#[test]
fn a_list_prints_what_is_there_and_tells_what_is_not() {
    let mut bed = Bed::new();
    bed.done(&format!(
        "add static-config {DISK},192.0.2.1 {DISK},192.0.2.2,7"
    ));
    bed.done("modify discovery -s enable");
    let first = format!("Static Configuration Target: {DISK},192.0.2.1:3260\n");
    let second = format!("Static Configuration Target: {DISK},192.0.2.2:3260,7\n");
    assert_eq!(bed.done("list static-config"), format!("{first}{second}"));
    assert_eq!(
        bed.done(&format!("list static-config {DISK},192.0.2.2")),
        second
    );
    let failure = bed.failed(&format!("list static-config {TAPE} {DISK},192.0.2.1"));
    assert_eq!(failure.output, first);
    assert_eq!(failure.lines, [format!("{TAPE}: not found")]);
    for list in ["target", "target-param"] {
        let failure = bed.failed(&format!("list {list} {TAPE} {DISK}"));
        assert!(failure.output.starts_with(&format!("Target: {DISK}\n")));
        assert_eq!(failure.lines, [format!("{TAPE}: not found")]);
    }
}

#[test]
fn logical_units_are_listed_in_the_order_of_their_addresses() {
    let mut bed = Bed::new();
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    bed.done("modify discovery -s enable");
    let json: serde_json::Value =
        serde_json::from_str(&bed.done(&format!("list target -S --json {DISK}"))).unwrap();
    assert_eq!(json[0]["luns"][0]["address"], "3:0:0:0");
    assert_eq!(json[0]["luns"][1]["lun"], 1);
}

#[test]
fn an_alias_goes_when_it_is_set_to_nothing() {
    let mut bed = Bed::new();
    bed.done("modify initiator-node -A box");
    assert_eq!(bed.stored()["initiator"]["node_alias"], "box");
    bed.done("modify initiator-node --node-alias=");
    assert!(bed.stored()["initiator"].get("node_alias").is_none());
}

#[test]
fn an_entry_whose_interface_is_gone_can_be_removed() {
    let mut bed = Bed::new();
    bed.done("list discovery");
    let mut stored = bed.stored();
    stored["static_config"] =
        serde_json::json!([{ "target": DISK, "portal": "[fe80::1%eth7]:3260" }]);
    let path = bed.directory.path().join("initiator.db.json");
    std::fs::write(path, stored.to_string()).unwrap();
    let remove = format!("remove static-config {DISK}");
    assert_eq!(bed.done(&remove), "");
    assert_eq!(bed.stored()["static_config"], serde_json::json!([]));
    assert_eq!(
        bed.failed(&remove).lines,
        [format!("{DISK}: not found").as_str()]
    );
}

#[test]
fn a_change_that_cannot_be_stored_is_told_to_be_in_force() {
    let mut bed = Bed::new();
    bed.done("list discovery");
    let path = bed.directory.path().join("initiator.db.json");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let failure = bed.failed("modify initiator-node -A box");
    assert_eq!(failure.exit, Exit::Failed);
    assert_eq!(failure.hint.as_deref(), Some(NOT_STORED));
    assert!(bed.kernel.initiator.node_alias.is_some());
}

#[test]
fn a_refused_removal_keeps_what_has_no_interface() {
    let mut bed = Bed::new();
    bed.done(&format!("add static-config {DISK},192.0.2.1"));
    let mut stored = bed.stored();
    stored["static_config"] = serde_json::json!([
        { "target": DISK, "portal": "192.0.2.1:3260" },
        { "target": DISK, "portal": "[fe80::1%eth7]:3260" }]);
    let path = bed.directory.path().join("initiator.db.json");
    std::fs::write(path, stored.to_string()).unwrap();
    bed.kernel.busy = DISK;
    bed.failed(&format!("remove static-config {DISK}"));
    assert_eq!(bed.stored()["static_config"], stored["static_config"]);
}

#[test]
fn a_refused_change_keeps_what_was_refused_before() {
    let mut bed = Bed::new();
    bed.done("list discovery");
    let mut stored = bed.stored();
    stored["refused"] = serde_json::json!({"discovery": {"static": true}});
    let path = bed.directory.path().join("initiator.db.json");
    std::fs::write(path, stored.to_string()).unwrap();
    bed.kernel.full = true;
    bed.failed("modify discovery -s enable");
    assert_eq!(bed.stored()["refused"], stored["refused"]);
}

#[test]
fn a_call_does_not_wait_for_what_is_removed_meanwhile() {
    let mut bed = Bed::new();
    bed.done("modify discovery -s enable");
    bed.kernel.removes = true;
    let failure = bed.failed(&format!("add static-config {DISK},192.0.2.1"));
    assert_eq!(failure.exit, Exit::NotLoggedIn);
    assert_eq!(
        failure.lines,
        [format!(
            "{DISK},192.0.2.1:3260: removed meanwhile, or static discovery was disabled"
        )]
    );
}
