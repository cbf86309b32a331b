// SPDX-License-Identifier: GPL-2.0

//! `list discovery`, `modify discovery`.

use super::{
    nothing,
    settle,
    Context, //
};
use crate::database::Change;
use crate::failure::{
    Exit,
    Failure, //
};
use crate::meaning::Format;
use crate::model::Discovery;
use crate::output::{
    discovery::DiscoveryListing,
    Listing, //
};

pub(super) fn list(context: &mut Context<'_>, format: Format) -> Result<String, Failure> {
    let discovery = context.kernel.discovery()?;
    Ok(DiscoveryListing::from(discovery).print(format))
}

pub(super) fn modify(
    context: &mut Context<'_>,
    discovery: Discovery,
) -> Result<(String, Exit), Failure> {
    context.kernel.watch()?;
    let about = Change {
        discovery: true,
        ..Change::default()
    };
    context.change(&about, nothing, |kernel, _| {
        kernel
            .set_discovery(discovery)
            .map_err(|refusal| refusal.about("modify discovery"))
    })?;
    if !discovery.static_targets {
        return Ok((String::new(), Exit::Done));
    }
    let entries = context.kernel.static_entries()?;
    settle::wait(context, &entries)
}
