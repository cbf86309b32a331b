// SPDX-License-Identifier: GPL-2.0

//! The file that keeps the configuration across reboots: JSON that people may edit.
//!
//! It is written whole after each change: to a scratch file, then synced, then renamed over the
//! current one, with the one before kept as `.prev`, then the directory is synced. At every moment
//! a complete current file is there. One that cannot be read is kept as `.corrupt`, and the one
//! before is used.

mod document;
mod format;

use std::fs::{
    self,
    DirBuilder,
    File,
    OpenOptions,
    Permissions, //
};
use std::io::{
    self,
    Write, //
};
use std::os::unix::fs::{
    DirBuilderExt,
    OpenOptionsExt,
    PermissionsExt, //
};
use std::path::{
    Path,
    PathBuf, //
};

use iscsi_proto::proto::names::IscsiName;
use rustix::fs::FlockOperation;

use crate::failure::{
    self,
    Failure, //
};
use crate::kernel::{
    Kernel,
    Refusal, //
};
use crate::model::{
    Discovery,
    Initiator,
    Params,
    StaticEntry,
    StaticSelector, //
};
use crate::system::System;
pub(crate) use format::Unresolved;

/// Where the file is.
pub(crate) const DIRECTORY: &str = "/etc/iscsi";

/// Who may read and write it: only its owner.
const MODE: u32 = 0o600;

const CURRENT: &str = "initiator.db.json";
const PREVIOUS: &str = "initiator.db.json.prev";
const SCRATCH: &str = "initiator.db.json.new";
const CORRUPT: &str = "initiator.db.json.corrupt";
const PREVIOUS_CORRUPT: &str = "initiator.db.json.prev.corrupt";

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) initiator: Initiator,
    pub(crate) discovery: Discovery,
    pub(crate) static_entries: Vec<StaticEntry>,
    pub(crate) target_params: Vec<(IscsiName, Params)>,
    /// Entries whose interface does not exist now: not for the kernel, but not to be lost.
    pub(crate) unresolved: Vec<Unresolved>,
    /// What the kernel refused when it was last loaded: not to be lost either.
    pub(crate) refused: Refused,
}

/// The part of a stored configuration that the kernel refused. The next load tries it again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refused {
    pub(crate) initiator: Initiator,
    pub(crate) discovery: Option<Discovery>,
    pub(crate) static_entries: Vec<StaticEntry>,
    pub(crate) target_params: Vec<(IscsiName, Params)>,
}

impl Refused {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Drops what a change is about, and what the kernel has by now.
    fn settle(&mut self, change: &Change<'_>, kernel: &Configuration) {
        let initiator = change.initiator.cloned().unwrap_or_default();
        self.initiator = self.initiator.but(&initiator).but(&kernel.initiator);
        if change.discovery {
            self.discovery = None;
        }
        self.static_entries.retain(|entry| {
            let removed = change
                .removed
                .iter()
                .any(|selector| selector.matches(entry));
            !removed && !kernel.static_entries.contains(entry)
        });
        self.target_params
            .retain(|(target, _)| change.params_removed != Some(target));
        for (target, params) in &mut self.target_params {
            let there = kernel.target_params.iter().find(|(name, _)| name == target);
            if let Some((_, there)) = there {
                *params = params.but(there);
            }
        }
        self.target_params.retain(|(_, params)| !params.is_empty());
    }
}

/// What a change is about, as far as the kernel's configuration does not show it afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change<'a> {
    /// The entries that it takes away.
    pub(crate) removed: &'a [StaticSelector],
    /// The target whose parameters it takes away.
    pub(crate) params_removed: Option<&'a IscsiName>,
    /// What it sets for the initiator.
    pub(crate) initiator: Option<&'a Initiator>,
    /// Whether it sets the discovery methods.
    pub(crate) discovery: bool,
}

impl Configuration {
    /// What the kernel has.
    pub(crate) fn from_kernel(kernel: &mut dyn Kernel) -> Result<Self, Refusal> {
        let target_params = kernel.target_params()?;
        Ok(Self {
            initiator: kernel.initiator()?.0,
            discovery: kernel.discovery()?,
            static_entries: kernel.static_entries()?,
            target_params: target_params
                .into_iter()
                .filter(|param| !param.configured.is_empty())
                .map(|param| (param.target, param.configured))
                .collect(),
            ..Self::default()
        })
    }

    /// All that the kernel should have: what it refused the last time as well.
    pub(crate) fn wanted(mut self) -> Self {
        let refused = std::mem::take(&mut self.refused);
        let others = refused.initiator.but(&self.initiator);
        self.initiator = self.initiator.with(&others);
        self.discovery = refused.discovery.unwrap_or(self.discovery);
        self.static_entries.extend(refused.static_entries);
        self.target_params.extend(refused.target_params);
        self
    }

    /// What is left of it if the kernel refuses this much.
    pub(crate) fn without(mut self, refused: Refused) -> Self {
        self.initiator = self.initiator.but(&refused.initiator);
        if refused.discovery.is_some() {
            self.discovery = Discovery::default();
        }
        self.static_entries
            .retain(|entry| !refused.static_entries.contains(entry));
        self.target_params
            .retain(|params| !refused.target_params.contains(params));
        self.refused = refused;
        self
    }
}

/// The directory of the file.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    directory: PathBuf,
}

/// Nobody else reads or writes the file while this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _directory: File,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// `None` if nothing was ever stored, or nothing of it can be read.
    pub(crate) configuration: Option<Configuration>,
    /// What the operator should know.
    pub(crate) warnings: Vec<String>,
}

impl Database {
    /// The database in this directory.
    pub(crate) fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Waits until nobody else uses the database. The directory is made if it is not there.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let lock = || -> io::Result<Lock> {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&self.directory)?;
            let directory = File::open(&self.directory)?;
            rustix::fs::flock(&directory, FlockOperation::LockExclusive)?;
            Ok(Lock {
                _directory: directory,
            })
        };
        lock().map_err(|error| match self.why_no_directory() {
            Some(why) => Failure::error(format!("{}: {why}", self.directory.display())),
            None => self.failure("cannot lock", &self.directory, &error),
        })
    }

    /// Why the directory cannot be made, if something else has its name.
    fn why_no_directory(&self) -> Option<String> {
        if let Some(why) = leads_nowhere(&self.directory) {
            return Some(why);
        }
        let file = !fs::metadata(&self.directory).ok()?.is_dir();
        let link = fs::read_link(&self.directory).ok();
        file.then(|| match link {
            Some(to) => format!(
                "a symbolic link to {}, which is not a directory",
                to.display()
            ),
            None => "not a directory".to_owned(),
        })
    }

    /// Reads what is stored.
    pub(crate) fn load(&self, _lock: &Lock, system: &System) -> Result<Found, Failure> {
        let mut found = Found::default();
        for (name, corrupt) in [(CURRENT, CORRUPT), (PREVIOUS, PREVIOUS_CORRUPT)] {
            let path = self.directory.join(name);
            let read = match fs::read_to_string(&path) {
                Ok(text) => format::read(&text, system),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // What it leads to may be there later.
                    if let Some(why) = leads_nowhere(&path) {
                        return Err(Failure::error(format!("{}: {why}", path.display())));
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Err(format::Broken::Content("the file is not text".to_owned()))
                }
                Err(error) => return Err(self.failure("cannot read", &path, &error)),
            };
            match read {
                Ok(configuration) => {
                    if name == PREVIOUS {
                        if found.warnings.is_empty() {
                            let current = self.directory.join(CURRENT);
                            let current = current.display();
                            found.warnings.push(format!("{current} is not there"));
                        }
                        found.warnings.push(format!(
                            "the configuration of {} is used instead",
                            path.display()
                        ));
                    }
                    found.configuration = Some(configuration);
                    return Ok(found);
                }
                Err(format::Broken::Newer(version)) => {
                    return Err(Failure::error(format!(
                        "{}: version {version} was written by a newer iscsiadm",
                        path.display()
                    )));
                }
                Err(format::Broken::Content(mistake)) => {
                    let kept = self.directory.join(corrupt);
                    found.warnings.push(format!(
                        "{}: {mistake}; the file is kept as {}",
                        path.display(),
                        kept.display()
                    ));
                    if let Err(error) = fs::rename(&path, &kept) {
                        return Err(self.failure("cannot rename", &path, &error));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Stores what the kernel has after a change, if it is something new; `before` are the entries that it had before it.
    ///
    /// What the kernel does not have, because it refused it or because its interface does not exist
    /// now, is kept, unless the change is about it.
    pub(crate) fn update(
        &self,
        lock: &Lock,
        mut kernel: Configuration,
        before: &[StaticEntry],
        change: &Change<'_>,
        system: &System,
    ) -> Result<(), Failure> {
        let found = self.stored(system);
        let Configuration {
            static_entries: stored,
            mut unresolved,
            mut refused,
            ..
        } = found.clone();
        refused.settle(change, &kernel);
        let nameless = |entry: &&StaticEntry| !system.has_interface(&entry.portal);
        unresolved.retain(|named| {
            let had = before.iter().filter(nameless).any(|e| named.is_of(e));
            let mut now = kernel.static_entries.iter().filter(nameless);
            let removed = change
                .removed
                .iter()
                .any(|selector| named.matches(selector));
            !removed && (!had || now.any(|entry| named.is_of(entry)))
        });
        // The kernel knows an interface by its number. If that means none any more, the name that
        // was stored counts, whether or not there is such an interface now.
        let (numbers, mut entries): (Vec<_>, Vec<_>) = kernel
            .static_entries
            .iter()
            .copied()
            .partition(|entry| nameless(&entry));
        for number in numbers {
            let named = stored.iter().find(|named| named.is_but_for_zone(&number));
            let entry = named.copied().unwrap_or(number);
            let known = unresolved.iter().any(|named| named.is_of(&number));
            if !known && !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        kernel.static_entries = entries;
        kernel.unresolved = unresolved;
        kernel.refused = refused;
        if kernel == found {
            // A change that was refused: the file before this one stays, too.
            return Ok(());
        }
        self.store(lock, &kernel, system)
    }

    /// Stores a configuration in place of the one before.
    pub(crate) fn store(
        &self,
        _lock: &Lock,
        configuration: &Configuration,
        system: &System,
    ) -> Result<(), Failure> {
        self.write(&format::write(configuration, system))
            .map_err(|error| self.failure("cannot write", &self.directory.join(CURRENT), &error))
    }

    /// The stored configuration; nothing if it cannot be read.
    pub(crate) fn stored(&self, system: &System) -> Configuration {
        fs::read_to_string(self.directory.join(CURRENT))
            .ok()
            .and_then(|text| format::read(&text, system).ok())
            .unwrap_or_default()
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let current = self.directory.join(CURRENT);
        let scratch = self.directory.join(SCRATCH);
        remove(&scratch)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&scratch)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The current file gets a second name, so that it is there until the new one is.
        let previous = self.directory.join(PREVIOUS);
        let link = self.directory.join(format!("{PREVIOUS}.new"));
        remove(&link)?;
        match fs::hard_link(&current, &link) {
            Ok(()) => {
                // People may have given it another one; a symbolic link has none.
                if fs::symlink_metadata(&link)?.is_file() {
                    fs::set_permissions(&link, Permissions::from_mode(MODE))?;
                }
                fs::rename(&link, &previous)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
        fs::rename(&scratch, &current)?;
        File::open(&self.directory)?.sync_all()
    }

    fn failure(&self, what: &str, path: &Path, error: &io::Error) -> Failure {
        let words = failure::words(error);
        Failure::error(format!("{what} {}: {words}", path.display()))
    }
}

/// Why a symbolic link is of no use, if it is of none.
fn leads_nowhere(path: &Path) -> Option<String> {
    let to = fs::read_link(path).ok()?;
    let error = fs::metadata(path).err()?;
    Some(format!(
        "a symbolic link to {}, which cannot be used: {}",
        to.display(),
        failure::words(&error)
    ))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
