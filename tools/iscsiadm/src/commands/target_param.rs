// SPDX-License-Identifier: GPL-2.0

//! `list target-param`, `modify target-param`, `remove target-param`.

use iscsi_proto::proto::names::IscsiName;
use rustix::io::Errno;

use super::{
    not_found,
    nothing,
    Context, //
};
use crate::database::Change;
use crate::failure::Failure;
use crate::kernel::Kernel;
use crate::meaning::{
    Detail,
    Format, //
};
use crate::model::{
    Params,
    TargetParam, //
};
use crate::output::{
    target_param::TargetParamListing,
    Listing, //
};
use crate::system::System;

pub(super) fn list(
    context: &mut Context<'_>,
    names: &[IscsiName],
    detail: Detail,
    format: Format,
) -> Result<String, Failure> {
    let targets = context.kernel.target_params()?;
    let wanted = |param: &&TargetParam| names.is_empty() || names.contains(&param.target);
    let text = TargetParamListing::new(targets.iter().filter(wanted), detail).print(format);
    let missing = names
        .iter()
        .filter(|name| targets.iter().all(|param| param.target != **name));
    not_found(missing.map(IscsiName::to_string).collect(), text)
}

pub(super) fn modify(
    context: &mut Context<'_>,
    names: &[IscsiName],
    params: &Params,
) -> Result<String, Failure> {
    context.change(&Change::default(), nothing, |kernel, _| {
        kernel.set_target_params(names, params).map_err(|refusal| {
            match refusal.item.and_then(|item| names.get(item)) {
                Some(name) => refusal.about(name),
                None => refusal.about("modify target-param"),
            }
        })
    })?;
    Ok(String::new())
}

pub(super) fn remove(context: &mut Context<'_>, name: &IscsiName) -> Result<String, Failure> {
    let database = context.database.clone();
    let check = |kernel: &mut dyn Kernel, system: &System| {
        let there = kernel
            .target_params()?
            .iter()
            .any(|param| param.target == *name && !param.configured.is_empty());
        // What the kernel refused is in the file only.
        let refused = database.stored(system).refused.target_params;
        match there || refused.iter().any(|(target, _)| target == name) {
            true => Ok(()),
            false => Err(Failure::error(format!("{name}: not found"))),
        }
    };
    let about = Change {
        params_removed: Some(name),
        ..Change::default()
    };
    context.change(&about, check, |kernel, _| {
        match kernel.remove_target_params(name) {
            Err(refusal) if refusal.errno == Errno::NOENT => Ok(()),
            result => result.map_err(|refusal| refusal.about(name)),
        }
    })?;
    Ok(String::new())
}
