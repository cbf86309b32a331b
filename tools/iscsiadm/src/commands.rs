// SPDX-License-Identifier: GPL-2.0

//! What each request does.
//!
//! A change is made in the kernel, then the kernel's configuration is stored. Everything that can
//! be checked is checked before the first change.

mod discovery;
mod initiator;
mod load;
mod settle;
mod static_config;
mod target;
mod target_param;

use crate::database::{
    Change,
    Configuration,
    Database, //
};
use crate::failure::{
    Exit,
    Failure, //
};
use crate::kernel::Kernel;
use crate::meaning::Request;
use crate::system::System;

/// What is true of a change that the kernel has and the file has not.
const NOT_STORED: &str =
    "The change is in force, but not stored: the next load of the module does not know of it.";

/// What the commands work with.
pub(crate) struct Context<'a> {
    pub(crate) kernel: &'a mut dyn Kernel,
    pub(crate) database: Database,
    pub(crate) system: System,
}

/// Carries out a request, and returns what to print.
pub(crate) fn run(context: &mut Context<'_>, request: Request) -> Result<(String, Exit), Failure> {
    let text = match request {
        Request::Print(text) => text,
        Request::AddStatic(entries) => return static_config::add(context, &entries),
        Request::ListStatic(selectors, format) => static_config::list(context, &selectors, format)?,
        Request::RemoveStatic(selectors) => static_config::remove(context, &selectors)?,
        Request::ListDiscovery(format) => discovery::list(context, format)?,
        Request::ModifyDiscovery(discovery) => return discovery::modify(context, discovery),
        Request::ListInitiator(format) => initiator::list(context, format)?,
        Request::ModifyInitiator(change) => initiator::modify(context, &change)?,
        Request::ListTarget(names, detail, format) => {
            target::list(context, &names, detail, format)?
        }
        Request::ListTargetParam(names, detail, format) => {
            target_param::list(context, &names, detail, format)?
        }
        Request::ModifyTargetParam(names, params) => {
            target_param::modify(context, &names, &params)?
        }
        Request::RemoveTargetParam(name) => target_param::remove(context, &name)?,
    };
    Ok((text, Exit::Done))
}

impl Context<'_> {
    /// Makes a change while nobody else does. If `check` has nothing against it, it is made, and
    /// what the kernel has then is stored, even if only a part of the change could be made.
    fn change(
        &mut self,
        about: &Change<'_>,
        check: impl FnOnce(&mut dyn Kernel, &System) -> Result<(), Failure>,
        make: impl FnOnce(&mut dyn Kernel, &System) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let lock = self.database.lock()?;
        check(self.kernel, &self.system)?;
        let before = self.kernel.static_entries()?;
        let made = make(self.kernel, &self.system);
        // What was refused has not replaced anything that is stored.
        let nothing = Change::default();
        let about = if made.is_ok() { about } else { &nothing };
        let stored = Configuration::from_kernel(self.kernel)
            .map_err(Failure::from)
            .and_then(|now| {
                self.database
                    .update(&lock, now, &before, about, &self.system)
            })
            .map_err(|failure| failure.with_hint(NOT_STORED));
        made.and(stored)
    }
}

/// The check of a change that the kernel checks alone.
fn nothing(_: &mut dyn Kernel, _: &System) -> Result<(), Failure> {
    Ok(())
}

/// The failure of a list in which some of what was asked for is not there. The rest is printed.
fn not_found(missing: Vec<String>, output: String) -> Result<String, Failure> {
    if missing.is_empty() {
        return Ok(output);
    }
    let lines = missing.into_iter().map(|what| format!("{what}: not found"));
    Err(Failure {
        output,
        ..Failure::errors(lines.collect())
    })
}

#[cfg(test)]
mod tests;
