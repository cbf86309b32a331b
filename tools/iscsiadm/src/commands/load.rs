// SPDX-License-Identifier: GPL-2.0

//! The first call after the module was loaded: the stored configuration goes into the kernel.

use std::fmt::Display;

use iscsi_proto::proto::names::IscsiName;
use rustix::io::Errno;

use super::Context;
use crate::database::{
    Configuration,
    Found,
    Refused, //
};
use crate::failure::{
    warn,
    Failure, //
};
use crate::kernel::{
    Kernel,
    Refusal, //
};
use crate::model::{
    Initiator,
    Mark, //
};
use crate::output;

impl Context<'_> {
    /// Sees to it that the kernel has what was stored, and that the initiator has a name.
    pub(crate) fn load(&mut self) -> Result<(), Failure> {
        if self.kernel.initiator()?.1 == Mark::Configured {
            return Ok(());
        }
        let lock = self.database.lock()?;
        // Somebody else may have been at it meanwhile.
        if self.kernel.initiator()?.1 == Mark::Configured {
            return Ok(());
        }
        let Found {
            configuration,
            warnings,
        } = self.database.load(&lock, &self.system)?;
        for warning in &warnings {
            warn(warning);
        }
        let current = configuration.is_some() && warnings.is_empty();
        let mut configuration = configuration.unwrap_or_default();
        let named = configuration.initiator.node_name.is_some();
        if !named {
            let name = new_name()?;
            if !warnings.is_empty() {
                warn(&format!("the initiator gets a new name: {name}"));
            }
            configuration.initiator.node_name = Some(name);
        }
        let before = configuration.refused.clone();
        let wanted = configuration.wanted();
        let refused = apply(self.kernel, &wanted)?;
        self.kernel.mark_configured()?;
        if current && named && refused == before {
            return Ok(());
        }
        self.database
            .store(&lock, &wanted.without(refused), &self.system)
    }
}

/// Puts a configuration into the kernel. What the kernel refuses is told and returned, except for
/// the initiator's own name, without which nothing works.
fn apply(kernel: &mut dyn Kernel, configuration: &Configuration) -> Result<Refused, Failure> {
    let mut refused = Refused::default();
    let initiator = &configuration.initiator;
    kernel
        .set_initiator(&Initiator {
            node_name: initiator.node_name,
            ..Initiator::default()
        })
        .map_err(|refusal| refusal.about("initiator-node"))?;
    let rest = Initiator {
        node_name: None,
        ..initiator.clone()
    };
    if rest != Initiator::default() && is_refused("initiator-node", kernel.set_initiator(&rest)) {
        refused.initiator = rest;
    }
    for (target, params) in &configuration.target_params {
        if is_refused(target, kernel.set_target_params(&[*target], params)) {
            refused.target_params.push((*target, params.clone()));
        }
    }
    for entry in &configuration.static_entries {
        match kernel.add_static(&[*entry]) {
            // A load that was cut off has been here.
            Err(refusal) if refusal.errno == Errno::EXIST => (),
            result => {
                if is_refused(entry.target, result) {
                    refused.static_entries.push(*entry);
                }
            }
        }
    }
    for entry in &configuration.unresolved {
        warn(&format!(
            "stored configuration: {entry}: its interface does not exist; add it again when it does"
        ));
    }
    let discovery = configuration.discovery;
    if is_refused("discovery", kernel.set_discovery(discovery)) {
        refused.discovery = Some(discovery);
    }
    Ok(refused)
}

/// Whether the kernel refused something; then it is told.
fn is_refused(what: impl Display, result: Result<(), Refusal>) -> bool {
    let Err(refusal) = result else {
        return false;
    };
    warn(&format!(
        "stored configuration: {what}: {refusal}; it is kept, and tried again at the next load"
    ));
    true
}

/// A name for an initiator that has none: random, so that copies of one installation, made before
/// its first use, differ.
fn new_name() -> Result<IscsiName, Failure> {
    let mut random = [0; 6];
    let got = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    if got != Ok(random.len()) {
        return Err(Failure::error("no random bytes for a new initiator name"));
    }
    IscsiName::parse(&format!("{NAME_PREFIX}{}", output::hex(&random)))
        .map_err(|error| Failure::error(error.to_string()))
}

/// How names begin that this program makes.
pub(super) const NAME_PREFIX: &str = "iqn.2026-11.org.iscsi-rs:";
