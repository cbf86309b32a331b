// SPDX-License-Identifier: GPL-2.0

//! `list target`.

use std::thread;
use std::time::{
    Duration,
    Instant, //
};

use iscsi_proto::proto::names::IscsiName;
use rustix::io::Errno;

use super::{
    not_found,
    Context, //
};
use crate::failure::Failure;
use crate::meaning::{
    Format,
    Luns,
    TargetDetail, //
};
use crate::output::{
    target::TargetListing,
    Listing, //
};

/// How long to wait until disks that were found have their devices. The driver takes them in the
/// background, and may have to be loaded first.
const DRIVER_LIMIT: Duration = Duration::from_secs(5);

/// How often to look whether it has.
const GLANCE: Duration = Duration::from_millis(20);

pub(super) fn list(
    context: &mut Context<'_>,
    names: &[IscsiName],
    detail: TargetDetail,
    format: Format,
) -> Result<String, Failure> {
    let mut targets = context.kernel.targets()?;
    let missing: Vec<String> = names
        .iter()
        .map(IscsiName::to_string)
        .filter(|name| targets.iter().all(|target| target.name != *name))
        .collect();
    if !names.is_empty() {
        targets.retain(|target| names.iter().any(|name| name.as_str() == target.name));
    }
    targets.sort_by(|a, b| (&a.name, a.session_id).cmp(&(&b.name, b.session_id)));
    let luns = match detail.luns {
        Luns::Hidden => None,
        Luns::Shown => Some(find_luns(context, names)?),
    };
    let listing = TargetListing::new(&targets, luns.as_deref(), detail, &context.system);
    not_found(missing, listing.print(format))
}

/// Looks for logical units, then lists them in the order of their addresses.
fn find_luns(
    context: &mut Context<'_>,
    names: &[IscsiName],
) -> Result<Vec<crate::model::Lun>, Failure> {
    let wanted: Vec<Option<&IscsiName>> = match names {
        [] => vec![None],
        names => names.iter().map(Some).collect(),
    };
    for name in wanted {
        match context.kernel.rescan(name) {
            // A target without a session has no logical units.
            Err(refusal) if refusal.errno == Errno::NOENT => (),
            result => result?,
        }
    }
    let mut luns = context.kernel.luns()?;
    luns.sort_by_key(|lun| (lun.host, lun.channel, lun.id, lun.lun));
    let end = Instant::now() + DRIVER_LIMIT;
    let waiting = |lun| context.system.is_waiting_for_its_driver(lun);
    while luns.iter().any(waiting) && Instant::now() < end {
        thread::sleep(GLANCE);
    }
    Ok(luns)
}
