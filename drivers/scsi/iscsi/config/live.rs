// SPDX-License-Identifier: GPL-2.0

//! The configuration as a whole.

use super::{
    limits,
    ConfigError,
    EndPoint,
    Overrides,
    StaticPattern,
    StaticTarget, //
};
use crate::proto::{
    address::{
        Portal,
        Tpgt, //
    },
    keys::DigestOffer,
    names::{
        Alias,
        IscsiName, //
    },
    negotiate::Offer,
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};

/// Everything that is configured. Fresh, it is empty and static discovery is disabled.
pub(crate) struct Config {
    generation: u32,
    loaded: bool,
    initiator: Initiator,
    static_enabled: bool,
    /// In the order in which they were added, which is that of their numbers.
    statics: KVVec<StaticTarget>,
    next_static: u32,
    /// In the order of their names; none without overrides.
    targets: KVVec<TargetParams>,
}

/// What holds for the whole initiator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Initiator {
    /// Our name; without one there can be no session.
    pub(crate) name: Option<IscsiName>,
    /// What people call us.
    pub(crate) alias: Alias,
    /// The header digest to ask for, if set.
    pub(crate) header_digest: Option<DigestOffer>,
    /// The data digest to ask for, if set.
    pub(crate) data_digest: Option<DigestOffer>,
}

/// What to change of the initiator; `None` leaves things as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InitiatorChange {
    /// Our name.
    pub(crate) name: Option<IscsiName>,
    /// Our alias; [`Alias::NONE`] removes it.
    pub(crate) alias: Option<Alias>,
    /// The header digest to ask for.
    pub(crate) header_digest: Option<DigestOffer>,
    /// The data digest to ask for.
    pub(crate) data_digest: Option<DigestOffer>,
}

/// The login parameters set for one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetParams {
    /// Name of the target.
    pub(crate) name: IscsiName,
    /// What is set, at least one thing.
    pub(crate) overrides: Overrides,
}

impl Initiator {
    /// That of a fresh module.
    pub(crate) const NOBODY: Self = Self {
        name: None,
        alias: Alias::NONE,
        header_digest: None,
        data_digest: None,
    };
}

impl Config {
    /// The configuration of a fresh module.
    pub(crate) const fn new() -> Self {
        Self {
            generation: 0,
            loaded: false,
            initiator: Initiator::NOBODY,
            static_enabled: false,
            statics: KVVec::new(),
            next_static: 0,
            targets: KVVec::new(),
        }
    }

    /// Counts the changes; wraps.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the saved configuration has been loaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Says that the saved configuration has been loaded.
    pub(crate) fn set_loaded(&mut self) {
        self.loaded = true;
    }

    /// What holds for the whole initiator.
    pub(crate) fn initiator(&self) -> &Initiator {
        &self.initiator
    }

    /// Changes what holds for the whole initiator.
    pub(crate) fn change_initiator(&mut self, change: &InitiatorChange) {
        let initiator = &mut self.initiator;
        initiator.name = change.name.or(initiator.name);
        initiator.alias = change.alias.unwrap_or(initiator.alias);
        initiator.header_digest = change.header_digest.or(initiator.header_digest);
        initiator.data_digest = change.data_digest.or(initiator.data_digest);
        self.changed();
    }

    /// Whether static discovery is enabled.
    pub(crate) fn static_enabled(&self) -> bool {
        self.static_enabled
    }

    /// Enables or disables static discovery.
    pub(crate) fn set_static_enabled(&mut self, enabled: bool) {
        self.static_enabled = enabled;
        self.changed();
    }

    /// The static targets, in the order of their numbers.
    pub(crate) fn statics(&self) -> &[StaticTarget] {
        &self.statics
    }

    /// The first static target whose number is at least `id`.
    pub(crate) fn static_from(&self, id: u32) -> Option<StaticTarget> {
        self.statics.iter().copied().find(|entry| entry.id >= id)
    }

    /// The first static target meant by `pattern` whose number is at least `id`.
    pub(crate) fn matching_static_from(
        &self,
        id: u32,
        pattern: &StaticPattern,
    ) -> Option<StaticTarget> {
        self.statics
            .iter()
            .copied()
            .find(|entry| entry.id >= id && pattern.matches(entry))
    }

    /// Adds a static target.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Exists`], [`ConfigError::TooMany`] or [`ConfigError::NoMemory`].
    pub(crate) fn add_static(
        &mut self,
        name: IscsiName,
        portal: Portal,
        tpgt: Option<Tpgt>,
    ) -> Result<StaticTarget, ConfigError> {
        let place = EndPoint { name, portal };
        let same = |entry: &StaticTarget| entry.is_at(&place) && entry.tpgt == tpgt;
        if self.statics.iter().any(same) {
            return Err(ConfigError::Exists);
        }
        if self.statics.len() >= limits::MAX_STATIC_TARGETS {
            return Err(ConfigError::TooMany(limits::MAX_STATIC_TARGETS));
        }
        let id = self.next_static;
        // Used up after four billion additions: better no more entries than a number twice.
        let next = id
            .checked_add(1)
            .ok_or(ConfigError::TooMany(u32::MAX as usize))?;
        let entry = StaticTarget {
            id,
            name,
            portal,
            tpgt,
        };
        self.statics.push(entry, GFP_KERNEL)?;
        self.next_static = next;
        self.changed();
        Ok(entry)
    }

    /// The portal group that a login at this end point has to insist on, if its entries agree on one.
    pub(crate) fn portal_group(&self, place: &EndPoint) -> Option<Tpgt> {
        let mut tags = self.statics_at(place).map(|entry| entry.tpgt);
        let first = tags.next()??;
        tags.all(|tag| tag == Some(first)).then_some(first)
    }

    /// Whether the portal group that answered at this end point is for one of its entries.
    ///
    /// # Errors
    ///
    /// The tag that the first of them wants.
    pub(crate) fn check_portal_group(
        &self,
        place: &EndPoint,
        group: Option<Tpgt>,
    ) -> Result<(), Tpgt> {
        let is_wrong = |entry: &StaticTarget| entry.tpgt.filter(|&wanted| Some(wanted) != group);
        let mut entries = self.statics_at(place);
        match entries.next().and_then(is_wrong) {
            Some(first) if entries.all(|entry| is_wrong(entry).is_some()) => Err(first),
            _ => Ok(()),
        }
    }

    fn statics_at<'a>(&'a self, place: &'a EndPoint) -> impl Iterator<Item = &'a StaticTarget> {
        self.statics.iter().filter(|entry| entry.is_at(place))
    }

    /// Whether an entry has this end point.
    pub(crate) fn has_static_at(&self, place: &EndPoint) -> bool {
        self.statics_at(place).next().is_some()
    }

    /// Removes the static targets with these numbers, which are in order.
    pub(crate) fn remove_statics(&mut self, ids: &[u32]) {
        self.statics
            .retain(|entry| ids.binary_search(&entry.id).is_err());
        self.changed();
    }

    /// The targets that parameters are set for, in the order of their names.
    pub(crate) fn targets(&self) -> &[TargetParams] {
        &self.targets
    }

    /// What is set for a target.
    pub(crate) fn overrides(&self, name: &IscsiName) -> Overrides {
        match self.position(name) {
            Ok(at) => self.targets.get(at).map(|target| target.overrides),
            Err(_) => None,
        }
        .unwrap_or(Overrides::NONE)
    }

    /// Sets parameters of a target; those that `change` does not have stay as they are.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Param`] if the result does not fit together, [`ConfigError::TooMany`] or
    /// [`ConfigError::NoMemory`].
    pub(crate) fn change_overrides(
        &mut self,
        name: &IscsiName,
        change: &Overrides,
    ) -> Result<(), ConfigError> {
        if change.is_empty() {
            return Ok(());
        }
        let overrides = change.over(self.overrides(name));
        overrides
            .apply(&mut self.defaults())
            .map_err(|error| change.blame(error))?;
        match self.position(name) {
            Ok(at) => {
                if let Some(target) = self.targets.get_mut(at) {
                    target.overrides = overrides;
                }
            }
            Err(at) => {
                if self.targets.len() >= limits::MAX_TARGETS_WITH_PARAMS {
                    return Err(ConfigError::TooMany(limits::MAX_TARGETS_WITH_PARAMS));
                }
                let target = TargetParams {
                    name: *name,
                    overrides,
                };
                self.targets.reserve(1, GFP_KERNEL)?;
                self.targets
                    .insert_within_capacity(at, target)
                    .map_err(|_| ConfigError::NoMemory)?;
            }
        }
        self.changed();
        Ok(())
    }

    /// Makes changes of parameters of targets: all of them, or none if one is refused.
    ///
    /// # Errors
    ///
    /// That of `make`, or one of memory.
    pub(crate) fn change_targets<E: From<AllocError>>(
        &mut self,
        make: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut before = KVVec::new();
        before.extend_from_slice(&self.targets, GFP_KERNEL)?;
        let made = make(self);
        if made.is_err() {
            self.targets = before;
        }
        made
    }

    /// Forgets what is set for a target.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NotFound`] if nothing is.
    pub(crate) fn clear_overrides(&mut self, name: &IscsiName) -> Result<(), ConfigError> {
        let at = self.position(name).map_err(|_| ConfigError::NotFound)?;
        self.targets.remove(at).map_err(|_| ConfigError::NotFound)?;
        self.changed();
        Ok(())
    }

    /// The login parameters for a target for which nothing is set.
    pub(crate) fn defaults(&self) -> Offer {
        let mut offer = Offer {
            max_recv_data_segment_length: limits::MAX_RECV_DATA_SEGMENT_LENGTH,
            max_burst_length: limits::MAX_BURST_LENGTH,
            first_burst_length: limits::FIRST_BURST_LENGTH,
            initial_r2t: false,
            immediate_data: true,
            default_time2wait: limits::DEFAULT_TIME2WAIT,
            max_outstanding_r2t: u32::from(limits::MAX_OUTSTANDING_R2T),
            ..Offer::default()
        };
        if let Some(digest) = self.initiator.header_digest {
            offer.header_digest = digest;
        }
        if let Some(digest) = self.initiator.data_digest {
            offer.data_digest = digest;
        }
        offer
    }

    /// The login parameters for a target: its own, else those of the initiator, else those of
    /// [`limits`], else those of RFC 7143.
    pub(crate) fn effective(&self, name: &IscsiName) -> Offer {
        let mut offer = self.defaults();
        match self.overrides(name).apply(&mut offer) {
            Ok(()) => offer,
            // Cannot be, as they were checked together. What every target takes will do.
            Err(_) => self.defaults(),
        }
    }

    /// Where a target is, or would have to be inserted.
    fn position(&self, name: &IscsiName) -> Result<usize, usize> {
        self.targets
            .binary_search_by(|target| target.name.as_bytes().cmp(name.as_bytes()))
    }

    fn changed(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}
