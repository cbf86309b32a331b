// SPDX-License-Identifier: GPL-2.0

//! `list initiator-node`, `modify initiator-node`.

use super::{
    nothing,
    Context, //
};
use crate::database::Change;
use crate::failure::Failure;
use crate::meaning::Format;
use crate::model::Initiator;
use crate::output::{
    initiator::InitiatorListing,
    Listing, //
};

pub(super) fn list(context: &mut Context<'_>, format: Format) -> Result<String, Failure> {
    let (initiator, _) = context.kernel.initiator()?;
    Ok(InitiatorListing::from(&initiator).print(format))
}

/// All options at once: the kernel takes all of them or none.
pub(super) fn modify(context: &mut Context<'_>, change: &Initiator) -> Result<String, Failure> {
    let about = Change {
        initiator: Some(change),
        ..Change::default()
    };
    context.change(&about, nothing, |kernel, _| {
        kernel
            .set_initiator(change)
            .map_err(|refusal| refusal.about("modify initiator-node"))
    })?;
    Ok(String::new())
}
