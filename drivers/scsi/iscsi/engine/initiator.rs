// SPDX-License-Identifier: GPL-2.0

//! The initiator: the configuration and all sessions of the module.

use super::{
    login,
    rx,
    session::Session,
    tx,
    wd,
    worker::Worker, //
};
use crate::{
    config::{
        limits,
        Config,
        EndPoint, //
    },
    linux::{
        crc32c,
        kthread::Thread,
        memalloc::NoIo,
        module::ModuleRef,
        transport::Registration, //
    },
    proto::{
        names::IscsiName,
        pdu::Isid,
        session::SessionState, //
    },
};
use core::ops::{
    Deref,
    DerefMut, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    },
};

/// How often to look whether a disk has been closed.
const DISK_CLOSE_STEP: Delta = Delta::from_millis(50);

/// A session has changed its state, or a login has failed (then `old` equals `new`).
pub(crate) struct SessionEvent<'a> {
    /// The session's number.
    pub(crate) id: u32,
    /// Its target.
    pub(crate) target: IscsiName,
    /// The state before.
    pub(crate) old: SessionState,
    /// The state now.
    pub(crate) new: SessionState,
    /// Why, if something went wrong.
    pub(crate) reason: Option<&'a str>,
}

/// A session with its threads. Their drop waits for their end.
struct Entry {
    session: Arc<Session>,
    wd: Thread,
    ic: Thread,
    /// The module stays while there are sessions.
    _module: ModuleRef,
}

struct Sessions {
    entries: KVec<Entry>,
    next_id: u32,
}

/// All that the module has.
///
/// Locks: `config` is held shortly and inside nothing; `sessions` is not held while a session
/// starts or ends.
#[pin_data]
pub(crate) struct Initiator {
    #[pin]
    config: Mutex<Config>,
    #[pin]
    sessions: Mutex<Sessions>,
    transport: Arc<Registration<Session>>,
    observer: fn(&SessionEvent<'_>),
}

/// The lock of the configuration, held, in a scope without I/O: a login waits for it, and what it
/// brings back may be the disk that memory is reclaimed to.
pub(crate) struct ConfigGuard<'a> {
    // Released before the scope ends.
    guard: Guard<'a, Config, MutexBackend>,
    _no_io: NoIo,
}

impl Deref for ConfigGuard<'_> {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.guard
    }
}

impl DerefMut for ConfigGuard<'_> {
    fn deref_mut(&mut self) -> &mut Config {
        &mut self.guard
    }
}

impl Initiator {
    /// An initiator without sessions. `observer` is told of the events of all sessions; it must not
    /// sleep long.
    pub(crate) fn new(observer: fn(&SessionEvent<'_>)) -> Result<Arc<Self>> {
        let transport = Arc::new(Registration::new()?, GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                config <- new_mutex!(Config::new(), "Initiator::config"),
                sessions <- new_mutex!(
                    Sessions {
                        entries: KVec::new(),
                        next_id: 1,
                    },
                    "Initiator::sessions"
                ),
                transport,
                observer,
            }),
            GFP_KERNEL,
        )
    }

    /// The live configuration, locked. Hold it shortly.
    pub(crate) fn config(&self) -> ConfigGuard<'_> {
        ConfigGuard {
            _no_io: NoIo::enter(),
            guard: self.config.lock(),
        }
    }

    pub(super) fn transport(&self) -> Arc<Registration<Session>> {
        self.transport.clone()
    }

    pub(super) fn announce(&self, event: &SessionEvent<'_>) {
        (self.observer)(event);
    }

    /// Makes a session with an end point, and lets it log in. Of a session that exists it only wants
    /// a login now, if it has none.
    ///
    /// # Context
    ///
    /// Sleeps; the caller serialises changes.
    pub(crate) fn connect(self: &Arc<Self>, target: &EndPoint) -> Result {
        if let Some(session) = self.find(target) {
            session.poke();
            return Ok(());
        }
        let module = ModuleRef::take()?;
        let id = {
            let mut sessions = self.sessions.lock();
            let id = sessions.next_id;
            sessions.next_id = id.wrapping_add(1).max(1);
            sessions.entries.reserve(1, GFP_KERNEL)?;
            id
        };
        let session = Session::new(self.clone(), id, self.isid_for(target), *target)?;
        let (wd, ic) = match start_threads(&session) {
            Ok(threads) => threads,
            Err(error) => {
                session.remove_scsi_side();
                return Err(error);
            }
        };
        let entry = Entry {
            session,
            wd,
            ic,
            _module: module,
        };
        let pushed = self.sessions.lock().entries.push_within_capacity(entry);
        pushed.map_err(|error| {
            // Cannot be, with changes serialised: the place was reserved above.
            end(error.0);
            ENOMEM
        })
    }

    /// Logs sessions out and removes them, all or none.
    ///
    /// # Context
    ///
    /// Sleeps until all disks are gone and the logouts are done; the caller serialises changes.
    ///
    /// # Errors
    ///
    /// The session that has an open disk which stays so for [`limits::DISK_CLOSE`]: then nothing has
    /// changed.
    pub(crate) fn disconnect<'a>(
        self: &Arc<Self>,
        leaving: &'a [Arc<Session>],
    ) -> Result<(), &'a Arc<Session>> {
        wait_until_closed(leaving)?;
        // Those that there is no memory for are missed only in the time it takes.
        let helpers = self.helpers(leaving).unwrap_or_default();
        for session in leaving {
            self.end(session.id);
        }
        // Waits for the sessions that they have taken.
        drop(helpers);
        Ok(())
    }

    /// Threads that end sessions together with the caller.
    fn helpers(self: &Arc<Self>, leaving: &[Arc<Session>]) -> Result<KVec<Thread>> {
        let count = leaving.len().min(limits::ENDED_AT_A_TIME);
        let mut ids = KVec::with_capacity(leaving.len(), GFP_KERNEL)?;
        let mut helpers = KVec::with_capacity(count, GFP_KERNEL)?;
        // From the other end, so that they seldom come for what the caller has taken.
        for session in leaving.iter().rev() {
            ids.push(session.id, GFP_KERNEL)?;
        }
        let ids = Arc::new(ids, GFP_KERNEL)?;
        for number in 1..count {
            let job = (self.clone(), ids.clone());
            let Ok(helper) = Thread::spawn(c"iscsi_end", number as u32, job, |(this, ids)| {
                ids.iter().for_each(|&id| this.end(id));
            }) else {
                break;
            };
            helpers.push(helper, GFP_KERNEL)?;
        }
        Ok(helpers)
    }

    /// Ends a session, unless somebody else does.
    fn end(&self, id: u32) {
        if let Some(entry) = self.take(id) {
            end(entry);
        }
    }

    /// Takes a session off the list.
    fn take(&self, id: u32) -> Option<Entry> {
        let entries = &mut self.sessions.lock().entries;
        let index = entries.iter().position(|entry| entry.session.id == id)?;
        entries.remove(index).ok()
    }

    fn find(&self, target: &EndPoint) -> Option<Arc<Session>> {
        let sessions = self.sessions.lock();
        sessions
            .entries
            .iter()
            .map(|entry| &entry.session)
            .find(|session| session.target == *target)
            .cloned()
    }

    /// The session with the smallest number above `after`.
    pub(crate) fn session_after(&self, after: Option<u32>) -> Option<Arc<Session>> {
        let sessions = self.sessions.lock();
        sessions
            .entries
            .iter()
            .map(|entry| &entry.session)
            .filter(|session| after.is_none_or(|after| session.id > after))
            .min_by_key(|session| session.id)
            .cloned()
    }

    /// A name for a session with `target`.
    ///
    /// It is the same each time (persistent reservations belong to it), made of our node name and
    /// the portal, and differs between sessions with one target (RFC 7143 section 4.4.3.1).
    fn isid_for(&self, target: &EndPoint) -> Isid {
        let node = match self.config().initiator().name {
            Some(name) => crc32c::Digest::of(name.as_bytes()),
            None => [0; 4],
        };
        let mut place = crc32c::Digest::new();
        match target.portal.address {
            crate::proto::address::IpAddress::V4(octets) => place.update(&octets),
            crate::proto::address::IpAddress::V6 { octets, .. } => place.update(&octets),
        }
        place.update(&target.portal.port.to_be_bytes());
        let [a, b, _, _] = place.finish();
        let mut qualifier = u16::from_be_bytes([a, b]);
        let [x, y, z, _] = node;
        let sessions = self.sessions.lock();
        loop {
            let isid = Isid::random([x, y, z], qualifier);
            let taken = sessions.entries.iter().any(|entry| {
                entry.session.target.name == target.name && entry.session.isid == isid
            });
            if !taken {
                return isid;
            }
            qualifier = qualifier.wrapping_add(1);
        }
    }
}

/// Waits until no disk of these sessions is open: udev looks at one after the other. `Err` has the
/// first session of which one stays open.
fn wait_until_closed(sessions: &[Arc<Session>]) -> Result<(), &Arc<Session>> {
    let begun = Instant::<Monotonic>::now();
    let mut since = begun;
    let mut last = None;
    while let Some(open) = sessions.iter().find(|session| session.is_open()) {
        if last != Some(open.id) {
            last = Some(open.id);
            since = Instant::now();
        }
        if since.elapsed() >= limits::DISK_CLOSE || begun.elapsed() >= limits::DISKS_CLOSE {
            return Err(open);
        }
        fsleep(DISK_CLOSE_STEP);
    }
    Ok(())
}

/// Starts the threads of a session: WD, which has TX and RX, and IC. Their names end with the
/// session's number.
fn start_threads(session: &Arc<Session>) -> Result<(Thread, Thread)> {
    let id = session.id;
    let crew = wd::Crew {
        session: session.clone(),
        tx: Worker::spawn(c"iscsi_tx", id, tx::run)?,
        rx: Worker::spawn(c"iscsi_rx", id, rx::run)?,
        memory: login::Memory::new()?,
    };
    let ic = Thread::spawn(c"iscsi_ic", id, session.clone(), Session::run_ic)?;
    match Thread::spawn(c"iscsi_wd", id, crew, wd::run) {
        Ok(wd) => Ok((wd, ic)),
        Err(error) => {
            session.stop_ic();
            Err(error)
        }
    }
}

/// Ends a session: the disks first, while the target still takes what their caches hold; then the
/// connection; then what is left of it in the system.
fn end(entry: Entry) {
    let Entry {
        session,
        wd,
        ic,
        _module,
    } = entry;
    // From here on a lost connection ends the commands instead of holding them back.
    session.begin_close();
    if let Some(side) = session.scsi_side() {
        side.class.remove_target();
    }
    session.begin_stop();
    // The WD thread logs out, ends TX and RX, and flushes.
    drop(wd);
    // The IC thread completes what was flushed.
    session.stop_ic();
    drop(ic);
    // A reset that was asked for by ioctl may still be under way; the closed gate ends it.
    drop(session.eh.lock());
    // The class session, then the host; no callback comes after this.
    session.remove_scsi_side();
}
