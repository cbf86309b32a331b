// SPDX-License-Identifier: GPL-2.0

//! Times and numbers that no standard fixes: our own choices, each with its reason. Some times are
//! parameters of the module, in seconds, fixed when it is loaded.

use crate::module_parameters;
use core::ops::RangeInclusive;
use kernel::{
    module_param::ModuleParamAccess,
    prelude::*,
    time::Delta, //
};

/// What a parameter of the module may be, in seconds.
const PARAMETER_RANGE: RangeInclusive<u32> = 1..=3600;

/// Looks at the parameters that the module was loaded with.
///
/// # Errors
///
/// `EINVAL`, after a message that names the parameter, if one is out of its range.
pub(crate) fn check_parameters() -> Result {
    for (name, parameter) in [
        ("logout_timeout", &module_parameters::logout_timeout),
        ("retry_delay", &module_parameters::retry_delay),
        ("nop_interval", &module_parameters::nop_interval),
        ("nop_timeout", &module_parameters::nop_timeout),
        ("abort_timeout", &module_parameters::abort_timeout),
        ("lu_reset_timeout", &module_parameters::lu_reset_timeout),
    ] {
        if !PARAMETER_RANGE.contains(&parameter.value()) {
            pr_err!(
                "parameter {}={}: not a number of seconds from {} to {}\n",
                name,
                parameter.value(),
                PARAMETER_RANGE.start(),
                PARAMETER_RANGE.end(),
            );
            return Err(EINVAL);
        }
    }
    Ok(())
}

fn seconds(parameter: &ModuleParamAccess<u32>) -> Delta {
    Delta::from_secs(i64::from(parameter.value()))
}

/// How long the target may take to answer a login request: to the last byte of its answer. A storage
/// array that fails over needs tens of seconds, and a login that is given up has to start again.
pub(crate) const LOGIN_RESPONSE: Delta = Delta::from_secs(60);

/// How long the TCP connection may take to come up. Longer than a few lost SYNs (1, 3 and 7 s),
/// much shorter than TCP's own two minutes.
pub(crate) const CONNECT: Delta = Delta::from_secs(15);

/// How long a login may take as a whole, with the connections and answers of all portals that it is
/// redirected to: as long as three answers that come late. Like the retry window, behind which nobody
/// waits for it.
pub(crate) const LOGIN: Delta = Delta::from_secs(180);

/// How long a session without a connection keeps its disks and retries at short intervals. Behind
/// it the commands are failed, so that a file system or multipath can act.
pub(crate) const RETRY_WINDOW: Delta = Delta::from_secs(180);

/// Pause between two login attempts inside the retry window: short enough to be back soon after a
/// target reboots, long enough not to disturb it while it does.
pub(crate) fn retry_delay() -> Delta {
    seconds(&module_parameters::retry_delay)
}

/// Pause between two login attempts behind the retry window: nobody waits any more.
pub(crate) const POLLING_DELAY: Delta = Delta::from_secs(60);

/// The longest that a target may want no login after the end of a connection, in seconds. That of
/// DefaultTime2Wait, RFC 7143 section 13.15; the fields of PDUs for it could say 18 hours.
pub(crate) const MAX_TIME_TO_WAIT_S: u32 = 3600;

/// Silence after which a NOP-Out asks whether the target is there.
pub(crate) fn nop_idle() -> Delta {
    seconds(&module_parameters::nop_interval)
}

/// How long that NOP-Out may stay unanswered before the connection counts as lost.
pub(crate) fn nop_timeout() -> Delta {
    seconds(&module_parameters::nop_timeout)
}

/// How long a logout that somebody waits for may take before the connection is dropped without
/// it. The target cleans up just the same, RFC 7143 section 7.11.2.
pub(crate) fn logout() -> Delta {
    seconds(&module_parameters::logout_timeout)
}

/// How long an ABORT TASK may take. The mid-layer waits for it with one command at a time.
pub(crate) fn abort() -> Delta {
    seconds(&module_parameters::abort_timeout)
}

/// How long the reset of a logical unit may take: it ends commands, some of them on a slow medium.
pub(crate) fn lu_reset() -> Delta {
    seconds(&module_parameters::lu_reset_timeout)
}

/// How long the disks of a session that is being removed may wait for a command (of a scan, or the
/// SYNCHRONIZE CACHE that ends their use) before the connection is dropped: the command's own
/// timeout is up to a minute, and somebody waits for the removal. Twice the time for a logout.
pub(crate) fn removal() -> Delta {
    Delta::from_millis(logout().as_millis() * 2)
}

/// How long a request to remove sessions waits for the open disks of each to be closed. udev looks at each
/// disk that was written to for some milliseconds after the writer has closed it.
pub(crate) const DISK_CLOSE: Delta = Delta::from_secs(3);

/// How long it waits for that in all, if disks of many sessions are opened in turn.
pub(crate) const DISKS_CLOSE: Delta = Delta::from_secs(30);

/// Sessions that are ended at a time. Each waits for its target and, in the removal of its host, for
/// several grace periods of RCU: 0.2 seconds and more of doing nothing. So many take little longer than
/// one.
pub(crate) const ENDED_AT_A_TIME: usize = 32;

/// How often a login may be redirected before it counts as failed: two targets that point at each
/// other must not keep us busy.
pub(crate) const MAX_REDIRECTS: u32 = 10;

/// Static targets that may be configured. Each has a SCSI host, threads and a socket, so that no
/// machine gets near; the number only bounds what a mistaken script can use up.
pub(crate) const MAX_STATIC_TARGETS: usize = 4096;

/// Targets that parameters may be set for. Bounds memory only.
pub(crate) const MAX_TARGETS_WITH_PARAMS: usize = 4096;

/// The longest data segment, in bytes, that we receive unless the operator says otherwise. RFC 7143
/// lets 8 KiB be the default; larger ones save headers, digests and interrupts.
pub(crate) const MAX_RECV_DATA_SEGMENT_LENGTH: u32 = 256 * 1024;

/// The longest sequence of data, in bytes, that we ask for: one R2T for most writes.
pub(crate) const MAX_BURST_LENGTH: u32 = 1024 * 1024;

/// The unsolicited data of one command, in bytes, that we ask for: small writes need no R2T, which
/// saves a round trip.
pub(crate) const FIRST_BURST_LENGTH: u32 = 256 * 1024;

/// Seconds between the end of a connection and the next login, on our part: none. The target may want
/// some, and the larger number counts.
pub(crate) const DEFAULT_TIME2WAIT: u32 = 0;

/// R2Ts of one command that we serve at a time. Each takes some memory in every command; with
/// `MAX_BURST_LENGTH` they cover the largest command.
pub(crate) const MAX_OUTSTANDING_R2T: u16 = 8;
