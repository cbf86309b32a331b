// SPDX-License-Identifier: GPL-2.0

//! Waiting until sessions that were asked for are there, or have said why not.

use std::time::{
    Duration,
    Instant, //
};

use super::Context;
use crate::failure::{
    Exit,
    Failure, //
};
use crate::model::{
    LoginWait,
    SessionState,
    StaticEntry,
    StaticSelector,
    Target, //
};

/// How long a call waits for logins. More than a TCP connection may take to come up (15 s).
const LIMIT: Duration = Duration::from_secs(20);

/// How often to look even if no event comes.
const GLANCE: Duration = Duration::from_millis(500);

/// Waits for the sessions of these entries. `Kernel::watch` was called before they were asked for.
pub(super) fn wait(
    context: &mut Context<'_>,
    entries: &[StaticEntry],
) -> Result<(String, Exit), Failure> {
    let end = Instant::now() + LIMIT;
    loop {
        let targets = context.kernel.targets()?;
        // Asked for after the sessions: what is there no more was not wanted any more then.
        let wanted = wanted(context)?;
        let outcomes = || {
            entries
                .iter()
                .map(|entry| (entry, outcome(entry, &targets, &wanted)))
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || outcomes().all(|(_, outcome)| !matches!(outcome, Outcome::Open(_))) {
            let reasons = outcomes()
                .filter_map(|(entry, outcome)| {
                    let reason = match outcome {
                        Outcome::LoggedIn => return None,
                        Outcome::Failed(reason) => reason,
                        Outcome::Open(None) => "not logged in yet, still trying".to_owned(),
                        Outcome::Open(Some(wait)) => format!("not logged in yet, {wait}"),
                    };
                    let portal = context.system.portal_text(&entry.portal);
                    Some(format!("{},{portal}: {reason}", entry.target))
                })
                .collect::<Vec<_>>();
            if reasons.is_empty() {
                return Ok((String::new(), Exit::Done));
            }
            return Err(Failure {
                exit: Exit::NotLoggedIn,
                ..Failure::errors(reasons)
            });
        }
        context.kernel.wait(left.min(GLANCE))?;
    }
}

/// How far the login of an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    LoggedIn,
    /// Why not.
    Failed(String),
    /// It is under way, and waits for this.
    Open(Option<LoginWait>),
}

/// The entries that have, or get, a session.
fn wanted(context: &mut Context<'_>) -> Result<Vec<StaticEntry>, Failure> {
    match context.kernel.discovery()?.static_targets {
        true => Ok(context.kernel.static_entries()?),
        false => Ok(Vec::new()),
    }
}

fn outcome(entry: &StaticEntry, targets: &[Target], wanted: &[StaticEntry]) -> Outcome {
    if !wanted.contains(entry) {
        return Outcome::Failed("removed meanwhile, or static discovery was disabled".to_owned());
    }
    // Entries that differ in their tag only share a session.
    let selector = StaticSelector {
        target: entry.target,
        portal: Some(entry.portal),
        tpgt: None,
    };
    let Some(target) = targets
        .iter()
        .find(|target| target.name == selector.target.as_str() && target.portal == selector.portal)
    else {
        return Outcome::Open(None);
    };
    match (target.state, &target.last_error) {
        (Some(state), _) if SessionState::is_logged_in(state) => match (entry.tpgt, target.tpgt) {
            (Some(wanted), Some(tpgt)) if wanted != tpgt => Outcome::Failed(format!(
                "target portal group tag is {tpgt} instead of {wanted}"
            )),
            _ => Outcome::LoggedIn,
        },
        (_, Some(reason)) => Outcome::Failed(reason.clone()),
        (_, None) => Outcome::Open(target.connections.iter().find_map(|c| c.login)),
    }
}
