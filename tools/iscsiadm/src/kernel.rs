// SPDX-License-Identifier: GPL-2.0

//! The kernel as the commands see it: a trait, so that tests need none.

use std::fmt;
use std::time::Duration;

use iscsi_proto::proto::names::IscsiName;
use rustix::io::Errno;

use crate::failure::{
    self,
    Failure, //
};
use crate::model::{
    Discovery,
    Initiator,
    Lun,
    Mark,
    Params,
    StaticEntry,
    StaticSelector,
    Target,
    TargetParam, //
};

/// The requests of the netlink family.
pub(crate) trait Kernel {
    /// What is set for the initiator, and whether the saved configuration is loaded.
    fn initiator(&mut self) -> Result<(Initiator, Mark), Refusal>;

    /// Sets what is not `None`; an empty alias removes the alias.
    fn set_initiator(&mut self, change: &Initiator) -> Result<(), Refusal>;

    /// Marks the saved configuration as loaded.
    fn mark_configured(&mut self) -> Result<(), Refusal>;

    fn discovery(&mut self) -> Result<Discovery, Refusal>;

    fn set_discovery(&mut self, discovery: Discovery) -> Result<(), Refusal>;

    /// The configured targets, in the order in which they were added.
    fn static_entries(&mut self) -> Result<Vec<StaticEntry>, Refusal>;

    /// Adds all of the entries, or none.
    fn add_static(&mut self, entries: &[StaticEntry]) -> Result<(), Refusal>;

    /// Removes what the selectors mean, each of them something: all of it, or nothing.
    fn remove_static(&mut self, selectors: &[StaticSelector]) -> Result<(), Refusal>;

    /// The parameters of all known targets, in the order of their names.
    fn target_params(&mut self) -> Result<Vec<TargetParam>, Refusal>;

    /// Sets the parameters for all of the targets, or for none.
    fn set_target_params(&mut self, targets: &[IscsiName], params: &Params) -> Result<(), Refusal>;

    fn remove_target_params(&mut self, target: &IscsiName) -> Result<(), Refusal>;

    fn targets(&mut self) -> Result<Vec<Target>, Refusal>;

    /// Looks for logical units of one target or all, and returns when that is done.
    fn rescan(&mut self, target: Option<&IscsiName>) -> Result<(), Refusal>;

    fn luns(&mut self) -> Result<Vec<Lun>, Refusal>;

    /// Listens to changes of sessions from here on.
    fn watch(&mut self) -> Result<(), Refusal>;

    /// Returns when a session has changed since the last call, or when the time is over.
    fn wait(&mut self, timeout: Duration) -> Result<(), Refusal>;
}

/// Why the kernel did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: Errno,
    /// The kernel's own words.
    pub(crate) sentence: Option<String>,
    /// Which of several things in the request it is about, counted from 0.
    pub(crate) item: Option<usize>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sentence {
            Some(sentence) => write!(f, "{sentence} ({})", self.reason()),
            None => f.write_str(&self.reason()),
        }
    }
}

impl Refusal {
    /// The errno in words, Solaris' ones where it has them.
    fn reason(&self) -> String {
        match self.errno {
            Errno::BUSY => "Logical unit in use".to_owned(),
            Errno::OPNOTSUPP => "Operation currently not supported".to_owned(),
            Errno::NOMEM => "Insufficient memory".to_owned(),
            Errno::INVAL => "Invalid parameter specified".to_owned(),
            Errno::NAMETOOLONG => "Name too long".to_owned(),
            errno => failure::words(&errno.into()),
        }
    }

    /// The failure of a call, with what it was about.
    pub(crate) fn about(&self, what: impl fmt::Display) -> Failure {
        Failure::errors(vec![
            format!("{what}: {self}"),
            UNABLE_TO_COMPLETE.to_owned(),
        ])
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::errors(vec![refusal.to_string(), UNABLE_TO_COMPLETE.to_owned()])
    }
}

/// The closing line after every refusal of the kernel.
const UNABLE_TO_COMPLETE: &str = "Unable to complete operation";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_the_kernels_sentence_and_the_errno_in_words() {
        let text = |errno, sentence: Option<&str>| {
            Refusal {
                errno,
                sentence: sentence.map(str::to_owned),
                item: None,
            }
            .to_string()
        };
        assert_eq!(text(Errno::BUSY, None), "Logical unit in use");
        assert_eq!(
            text(Errno::BUSY, Some("sda is mounted")),
            "sda is mounted (Logical unit in use)"
        );
        assert_eq!(
            text(Errno::OPNOTSUPP, None),
            "Operation currently not supported"
        );
        assert_eq!(text(Errno::NOMEM, None), "Insufficient memory");
        assert_eq!(text(Errno::INVAL, None), "Invalid parameter specified");
        assert_eq!(text(Errno::EXIST, None), "File exists");
        let failure = Refusal {
            errno: Errno::BUSY,
            sentence: None,
            item: None,
        }
        .about("iqn.x");
        assert_eq!(
            failure.lines,
            ["iqn.x: Logical unit in use", "Unable to complete operation"]
        );
    }
}
