// SPDX-License-Identifier: GPL-2.0

//! Statically configured targets.

use crate::proto::{
    address::{
        Portal,
        Tpgt, //
    },
    names::IscsiName,
};

/// A target of static discovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StaticTarget {
    /// Number of the entry. Grows with each entry and is not used again.
    pub(crate) id: u32,
    /// Name of the target.
    pub(crate) name: IscsiName,
    /// Where it listens.
    pub(crate) portal: Portal,
    /// The portal group that has to answer there; `None` for any.
    pub(crate) tpgt: Option<Tpgt>,
}

impl StaticTarget {
    /// Whether two entries mean the same.
    pub(super) fn same(&self, name: &IscsiName, portal: Portal, tpgt: Option<Tpgt>) -> bool {
        self.name == *name && self.portal == portal && self.tpgt == tpgt
    }
}

/// Which entries are meant: what is not given matches any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StaticPattern {
    /// Name of the target.
    pub(crate) name: IscsiName,
    /// Where it listens.
    pub(crate) portal: Option<Portal>,
    /// The portal group of the entry. An entry without one matches only if none is given.
    pub(crate) tpgt: Option<Tpgt>,
}

impl StaticPattern {
    /// Whether an entry is meant.
    pub(crate) fn matches(&self, entry: &StaticTarget) -> bool {
        self.name == entry.name
            && self.portal.is_none_or(|portal| portal == entry.portal)
            && self.tpgt.is_none_or(|tpgt| Some(tpgt) == entry.tpgt)
    }
}
