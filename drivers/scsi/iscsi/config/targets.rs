// SPDX-License-Identifier: GPL-2.0

//! Statically configured targets.

use crate::proto::{
    address::{
        Portal,
        Tpgt, //
    },
    names::IscsiName,
};

/// What a session is with: there is one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndPoint {
    /// Name of the target.
    pub(crate) name: IscsiName,
    /// Where it listens.
    pub(crate) portal: Portal,
}

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
    /// What a session for this entry is with.
    pub(crate) fn end_point(&self) -> EndPoint {
        EndPoint {
            name: self.name,
            portal: self.portal,
        }
    }

    /// Whether a session with this end point would be for this entry, whatever its portal group.
    pub(crate) fn is_at(&self, place: &EndPoint) -> bool {
        self.portal == place.portal && self.name == place.name
    }

    /// Whether a session with this portal group serves the entry.
    pub(crate) fn takes(&self, group: Tpgt) -> bool {
        self.tpgt.is_none_or(|tpgt| tpgt == group)
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
    /// Whether entries with this end point are meant, if one with such a tag is there.
    pub(crate) fn touches(&self, place: &EndPoint) -> bool {
        self.name == place.name && self.portal.is_none_or(|portal| portal == place.portal)
    }

    /// Whether an entry is meant.
    pub(crate) fn matches(&self, entry: &StaticTarget) -> bool {
        self.touches(&entry.end_point()) && self.tpgt.is_none_or(|tpgt| Some(tpgt) == entry.tpgt)
    }
}
