// SPDX-License-Identifier: GPL-2.0

//! What all connections share.

use std::{
    collections::{
        BTreeMap,
        HashMap, //
    },
    sync::{
        atomic::{
            AtomicU16,
            Ordering, //
        },
        Arc,
        Mutex,
        MutexGuard, //
    },
    time::Instant,
};

use crate::{
    disk::Disk,
    link::Link,
    script::Script,
    settings::Settings, //
};

/// The first session is not 0, which would mean none.
const FIRST_TSIH: u16 = 1;

/// What has happened since the last report.
#[derive(Clone, Debug, Default)]
struct Record {
    counts: BTreeMap<&'static str, u64>,
    fired: BTreeMap<&'static str, u64>,
    complaints: Vec<String>,
}

/// More complaints are not kept.
const MAX_COMPLAINTS: usize = 20;

/// The name of a session without the target's part of it: the initiator's name and its ISID.
pub(crate) type SessionName = (String, [u8; 6]);

/// A target.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its iSCSI name.
    pub(crate) name: String,
    /// Its disks, from LUN 1 on.
    pub(crate) disks: Vec<Disk>,
    /// What it is to do wrong.
    pub(crate) script: Script,
    settings: Mutex<Settings>,
    sessions: Mutex<HashMap<SessionName, Arc<Link>>>,
    /// Connections, also those that have not logged in.
    connections: Mutex<Vec<Arc<Link>>>,
    record: Mutex<Record>,
    next_tsih: AtomicU16,
    started: Instant,
}

impl Target {
    /// A target that nobody has connected to.
    pub(crate) fn new(name: String, disks: Vec<Disk>) -> Self {
        Self {
            name,
            disks,
            script: Script::default(),
            settings: Mutex::default(),
            sessions: Mutex::default(),
            connections: Mutex::default(),
            record: Mutex::default(),
            next_tsih: AtomicU16::new(FIRST_TSIH),
            started: Instant::now(),
        }
    }

    /// What it wants at a login.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().expect("no thread panics with it")
    }

    /// The disk with this number.
    pub(crate) fn disk(&self, lun: u64) -> Option<&Disk> {
        self.disks.get(usize::try_from(lun.checked_sub(1)?).ok()?)
    }

    /// A number for a new session.
    pub(crate) fn new_tsih(&self) -> u16 {
        loop {
            let tsih = self.next_tsih.fetch_add(1, Ordering::Relaxed);
            if tsih != 0 {
                return tsih;
            }
        }
    }

    /// A session has logged in. An older one of the same name ends: RFC 7143 section 6.3.5.
    pub(crate) fn join(&self, name: SessionName, link: Arc<Link>) {
        let older = self.sessions().insert(name, link);
        if let Some(older) = older {
            if older.is_open() {
                self.count("reinstatements");
            }
            if let Some(left) = older.is_resting() {
                self.complain(format!("a login {left:?} too early"));
            }
            older.close();
        }
    }

    /// Somebody has connected.
    pub(crate) fn connected(&self, link: Arc<Link>) {
        let mut connections = self.connections();
        connections.retain(|link| link.is_open());
        connections.push(link);
    }

    /// Ends all connections.
    pub(crate) fn close_all(&self) {
        self.connections().iter().for_each(|link| link.close());
    }

    /// The live connections of sessions.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        let mut sessions = self.sessions();
        sessions.retain(|_, link| link.is_open());
        sessions.values().cloned().collect()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionName, Arc<Link>>> {
        self.sessions.lock().expect("no thread panics with it")
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Arc<Link>>> {
        self.connections.lock().expect("no thread panics with it")
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no thread panics with it")
    }

    /// Counts something.
    pub(crate) fn count(&self, what: &'static str) {
        *self.record().counts.entry(what).or_default() += 1;
    }

    /// Counts faults that are being committed.
    pub(crate) fn fired(&self, faults: impl Iterator<Item = &'static str>) {
        let mut record = self.record();
        for fault in faults {
            *record.fired.entry(fault).or_default() += 1;
        }
    }

    /// The initiator has broken a rule.
    pub(crate) fn complain(&self, text: String) {
        self.log(format_args!("COMPLAINT: {text}"));
        let mut record = self.record();
        if record.complaints.len() < MAX_COMPLAINTS {
            record.complaints.push(text);
        }
    }

    /// Says what happens, on standard error.
    pub(crate) fn log(&self, text: std::fmt::Arguments<'_>) {
        eprintln!("{:9.4} {text}", self.started.elapsed().as_secs_f64());
    }

    /// What has happened, as JSON, and starts anew.
    pub(crate) fn report(&self) -> String {
        let record = std::mem::take(&mut *self.record());
        self.tell(record)
    }

    /// What has happened, as JSON.
    pub(crate) fn peek(&self) -> String {
        let record = self.record().clone();
        self.tell(record)
    }

    fn tell(&self, record: Record) -> String {
        let Record {
            mut counts,
            fired,
            complaints,
        } = record;
        let held = self.links().iter().map(|link| link.held() as u64).sum();
        counts.insert("held", held);
        let object = |map: &BTreeMap<&str, u64>| {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let complaints: Vec<String> = complaints
            .iter()
            .map(|text| format!("\"{}\"", text.replace(['"', '\\'], "'")))
            .collect();
        format!(
            "{{\"counts\":{},\"fired\":{},\"complaints\":[{}]}}\n",
            object(&counts),
            object(&fired),
            complaints.join(",")
        )
    }
}
