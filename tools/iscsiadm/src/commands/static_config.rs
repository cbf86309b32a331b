// SPDX-License-Identifier: GPL-2.0

//! `add static-config`, `list static-config`, `remove static-config`.

use super::{
    not_found,
    settle,
    Context, //
};
use crate::database::Change;
use crate::failure::{
    Exit,
    Failure, //
};
use crate::kernel::Kernel;
use crate::meaning::Format;
use crate::model::{
    StaticEntry,
    StaticSelector, //
};
use crate::output::{
    static_config::StaticListing,
    Listing, //
};
use crate::system::System;

pub(super) fn add(
    context: &mut Context<'_>,
    entries: &[StaticEntry],
) -> Result<(String, Exit), Failure> {
    context.kernel.watch()?;
    let check = |kernel: &mut dyn Kernel, system: &System| {
        let mut there = kernel.static_entries()?;
        let mut doubles = Vec::new();
        for entry in entries {
            if there.contains(entry) {
                doubles.push(format!(
                    "{}: already configured",
                    select(&entry.selector(), system)
                ));
            }
            there.push(*entry);
        }
        match doubles.is_empty() {
            true => Ok(()),
            false => Err(Failure::errors(doubles)),
        }
    };
    context.change(&Change::default(), check, |kernel, system| {
        kernel.add_static(entries).map_err(|refusal| {
            match refusal.item.and_then(|item| entries.get(item)) {
                Some(entry) => refusal.about(select(&entry.selector(), system)),
                None => refusal.about("add static-config"),
            }
        })
    })?;
    if !context.kernel.discovery()?.static_targets {
        return Ok((String::new(), Exit::Done));
    }
    settle::wait(context, entries)
}

pub(super) fn list(
    context: &mut Context<'_>,
    selectors: &[StaticSelector],
    format: Format,
) -> Result<String, Failure> {
    let entries = context.kernel.static_entries()?;
    let wanted = |entry: &&StaticEntry| {
        selectors.is_empty() || selectors.iter().any(|selector| selector.matches(entry))
    };
    let text = StaticListing::new(entries.iter().filter(wanted), &context.system).print(format);
    not_found(missing(selectors, &entries, &context.system), text)
}

pub(super) fn remove(
    context: &mut Context<'_>,
    selectors: &[StaticSelector],
) -> Result<String, Failure> {
    let database = context.database.clone();
    let check = |kernel: &mut dyn Kernel, system: &System| {
        let entries = kernel.static_entries()?;
        // What has no interface, and what the kernel refused, is in the file only.
        let stored = database.stored(system);
        let elsewhere = |selector: &&StaticSelector| {
            let refused = &stored.refused.static_entries;
            !stored.unresolved.iter().any(|e| e.matches(selector))
                && !refused.iter().any(|entry| selector.matches(entry))
        };
        let selectors: Vec<_> = selectors.iter().filter(elsewhere).copied().collect();
        not_found(missing(&selectors, &entries, system), String::new()).map(drop)
    };
    let about = Change {
        removed: selectors,
        ..Change::default()
    };
    context.change(&about, check, |kernel, system| {
        let entries = kernel.static_entries()?;
        let there = |selector: &&StaticSelector| entries.iter().any(|e| selector.matches(e));
        let selectors: Vec<_> = selectors.iter().filter(there).copied().collect();
        if selectors.is_empty() {
            return Ok(());
        }
        kernel.remove_static(&selectors).map_err(|refusal| {
            match refusal.item.and_then(|item| selectors.get(item)) {
                Some(selector) => refusal.about(select(selector, system)),
                None => refusal.about("remove static-config"),
            }
        })
    })?;
    Ok(String::new())
}

/// The operands that mean no entry.
fn missing(selectors: &[StaticSelector], entries: &[StaticEntry], system: &System) -> Vec<String> {
    selectors
        .iter()
        .filter(|selector| !entries.iter().any(|entry| selector.matches(entry)))
        .map(|selector| select(selector, system))
        .collect()
}

/// An operand in its canonical form.
fn select(selector: &StaticSelector, system: &System) -> String {
    let mut text = selector.target.to_string();
    if let Some(portal) = &selector.portal {
        text.push_str(&format!(",{}", system.portal_text(portal)));
    }
    if let Some(tpgt) = selector.tpgt {
        text.push_str(&format!(",{tpgt}"));
    }
    text
}
