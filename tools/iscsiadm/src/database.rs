// SPDX-License-Identifier: GPL-2.0

//! The file that keeps the configuration across reboots: JSON that people may edit.
//!
//! It is written whole after each change: to a scratch file, then synced, then renamed over the
//! current one, with the one before kept as `.prev`, then the directory is synced. At every moment
//! a complete current file is there. One that cannot be read is kept as `.corrupt`, and the one
//! before is used.

mod format;

use std::fs::{
    self,
    DirBuilder,
    File,
    OpenOptions, //
};
use std::io::{
    self,
    Write, //
};
use std::os::unix::fs::{
    DirBuilderExt,
    OpenOptionsExt, //
};
use std::path::{
    Path,
    PathBuf, //
};

use iscsi_proto::proto::names::IscsiName;
use rustix::fs::FlockOperation;

use crate::failure::Failure;
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
            unresolved: Vec::new(),
        })
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
        lock().map_err(|error| self.failure("cannot lock", &self.directory, &error))
    }

    /// Reads what is stored.
    pub(crate) fn load(&self, _lock: &Lock, system: &System) -> Result<Found, Failure> {
        let mut found = Found::default();
        for (name, corrupt) in [(CURRENT, CORRUPT), (PREVIOUS, PREVIOUS_CORRUPT)] {
            let path = self.directory.join(name);
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // Not text.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
                Err(error) => return Err(self.failure("cannot read", &path, &error)),
            };
            match format::read(&text, system) {
                Ok(configuration) => {
                    if name == PREVIOUS {
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

    /// Stores the configuration. Entries of the stored one whose interface does not exist now are
    /// kept, unless `removed` selects them.
    pub(crate) fn store(
        &self,
        _lock: &Lock,
        configuration: &Configuration,
        removed: &[StaticSelector],
        system: &System,
    ) -> Result<(), Failure> {
        let mut configuration = configuration.clone();
        for entry in self.unresolved(system) {
            let goes = removed.iter().any(|selector| entry.matches(selector));
            if !goes && !configuration.unresolved.contains(&entry) {
                configuration.unresolved.push(entry);
            }
        }
        self.write(&format::write(&configuration, system))
            .map_err(|error| self.failure("cannot write", &self.directory.join(CURRENT), &error))
    }

    /// The entries of the stored configuration whose interface does not exist now.
    pub(crate) fn unresolved(&self, system: &System) -> Vec<Unresolved> {
        fs::read_to_string(self.directory.join(CURRENT))
            .ok()
            .and_then(|text| format::read(&text, system).ok())
            .map(|stored| stored.unresolved)
            .unwrap_or_default()
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let current = self.directory.join(CURRENT);
        let scratch = self.directory.join(SCRATCH);
        remove(&scratch)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The current file gets a second name, so that it is there until the new one is.
        let previous = self.directory.join(PREVIOUS);
        let link = self.directory.join(format!("{PREVIOUS}.new"));
        remove(&link)?;
        match fs::hard_link(&current, &link) {
            Ok(()) => fs::rename(&link, &previous)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
        fs::rename(&scratch, &current)?;
        File::open(&self.directory)?.sync_all()
    }

    fn failure(&self, what: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::error(format!("{what} {}: {error}", path.display()))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
