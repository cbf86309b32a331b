// SPDX-License-Identifier: GPL-2.0

//! Which faults are to be committed, and when.

use std::{
    fmt::Write,
    sync::Mutex, //
};

/// The occasions of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Each login, at its first request or where the fault fits.
    Login,
    /// Each command that reads or writes blocks.
    Command,
    /// Each thing of the kind that the fault is about.
    Each,
}

/// Every fault: its name, its occasions, what it does.
#[rustfmt::skip]
const FAULTS: [(&str, When, &str); 71] = [
    ("login-status", When::Login, "=0xCCDD: refuses with this status"),
    ("login-redirect", When::Login, "=ADDRESS: sends the initiator there"),
    ("login-garbage", When::Login, "[=SEED]: answers with random bytes"),
    ("login-opcode", When::Login, "=N: answers with a PDU of this kind"),
    ("login-text", When::Login, "=KEY=VALUE: says this instead of what it should"),
    ("login-junk", When::Login, "answers with text that is none"),
    ("login-close", When::Login, "closes the connection instead of answering"),
    ("login-half", When::Login, "closes the connection in the middle of the answer"),
    ("login-silent", When::Login, "does not answer"),
    ("login-trickle", When::Login, "[=MS]: sends its answers byte by byte, one each so often"),
    ("login-huge", When::Login, "[=LENGTH]: announces a data segment of this length"),
    ("login-endless", When::Login, "never comes to an end"),
    ("login-more", When::Login, "always has more text to say"),
    ("login-tsih", When::Login, "=N: names the session so"),
    ("login-itt", When::Login, "answers another task"),
    ("login-stage", When::Login, "answers in another stage"),
    ("login-version", When::Login, "=N: speaks this version"),
    ("login-stat-sn", When::Login, "jumps in the numbers of statuses"),
    ("silent", When::Command, "does not answer this and all that follows"),
    ("hold", When::Command, "does not answer until told to, or aborted"),
    ("delay", When::Command, "=MS: answers later, and all that follows as well"),
    ("close", When::Command, "closes the connection instead of answering"),
    ("close-mid", When::Command, "closes the connection in the middle of the answer"),
    ("bad-header-digest", When::Command, "breaks the digest of the answer's header"),
    ("bad-data-digest", When::Command, "breaks the digest of the answer's data"),
    ("wrong-itt", When::Command, "answers a task that nobody knows"),
    ("stray", When::Command, "answers tasks that nobody knows, then this"),
    ("twice", When::Command, "answers twice"),
    ("data-in-beyond", When::Command, "sends data for behind the expected length"),
    ("data-in-more", When::Command, "sends more data than expected"),
    ("data-in-gap", When::Command, "leaves out some data in the middle"),
    ("data-in-sn", When::Command, "numbers data wrongly"),
    ("data-in-empty", When::Command, "has an empty PDU bring the status of a read"),
    ("sense-long", When::Command, "CHECK CONDITION with more sense data than anybody wants"),
    ("sense-lie", When::Command, "CHECK CONDITION with less sense data than it says"),
    ("reject-empty", When::Command, "rejects the command without saying that it does"),
    ("data-in-write", When::Command, "sends data for a command that writes"),
    ("data-in-stray", When::Command, "sends data for a task that nobody knows, too"),
    ("r2t-read", When::Command, "asks for data of a command that reads"),
    ("r2t-beyond", When::Command, "asks for data behind the expected length"),
    ("r2t-sn", When::Command, "numbers requests for data wrongly"),
    ("r2t-empty", When::Command, "asks for no data"),
    ("r2t-long", When::Command, "asks for more than MaxBurstLength"),
    ("r2t-flood", When::Command, "asks for more at a time than MaxOutstandingR2T"),
    ("stat-sn-jump", When::Command, "jumps in the numbers of statuses"),
    ("stat-sn-repeat", When::Command, "uses the number of a status again"),
    ("short", When::Command, "=right|none|wrong: sends half of the data, with such a residual"),
    ("over", When::Command, "says that there would have been more data"),
    ("check", When::Command, "=KEY/ASC/ASCQ in hex: CHECK CONDITION"),
    ("status", When::Command, "=HEX: another SCSI status, 08 for BUSY, 28 for TASK SET FULL"),
    ("response", When::Command, "=HEX: the iSCSI response, 01 for target failure"),
    ("early", When::Command, "[=good]: CHECK CONDITION, or GOOD, before the written data have come"),
    ("reject", When::Command, "=HEX: rejects the command for this reason"),
    ("async", When::Command, "=EVENT: logout, drop[/SECONDS TO WAIT], session[/SECONDS], negotiate, scsi, vendor"),
    ("nop-in", When::Command, "[=N]: sends so many pings first"),
    ("close-window", When::Command, "=MS: lets no command through for so long"),
    ("window-nonsense", When::Command, "sends a MaxCmdSN that must be ignored"),
    ("huge", When::Command, "announces more data than the initiator takes at a time"),
    ("opcode", When::Command, "=HEX: sends a PDU of this kind first"),
    ("no-data-copy", When::Command, "reports GOOD for a read without any data"),
    ("abort", When::Each, "=complete|no-task|fail|unsupported|ignore|late|race, by ABORT TASK"),
    ("lun-reset", When::Each, "=complete|open|fail|unsupported|ignore, by LOGICAL UNIT RESET; open ends close-window as well"),
    ("logout", When::Each, "=fail[/SECONDS TO WAIT]|ignore|close"),
    ("ping", When::Each, "=ignore|reject: what happens to a NOP-Out"),
    ("window", When::Each, "=N: commands at a time"),
    ("data-in-size", When::Each, "=N: bytes in a Data-In PDU"),
    ("r2t-size", When::Each, "=N: bytes that an R2T asks for"),
    ("dribble", When::Each, "sends in many small packets"),
    ("bundle", When::Each, "sends many answers at once"),
    ("no-collapse", When::Each, "sends the status of a read by itself"),
    ("accept-close", When::Each, "closes each connection at once"),
];

/// Which commands a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Those that read.
    Read,
    /// Those that write.
    Write,
    /// All, also those that are not about blocks.
    Any,
}

/// One fault to be committed.
#[derive(Clone, Debug)]
struct Planned {
    name: &'static str,
    when: When,
    /// The commands it is for, if not for all.
    only: Option<Access>,
    value: String,
    skip: u32,
    left: Option<u32>,
}

impl Planned {
    /// Counts an occasion; true if it is one to commit the fault at.
    fn due(&mut self) -> bool {
        if self.left == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }
}

/// Faults that one occasion has brought up, with their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<(&'static str, String)>);

impl Faults {
    /// The value of a fault, if it is to be committed.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(FAULTS.iter().any(|fault| fault.0 == name), "{name}");
        let found = self.0.iter().find(|fault| fault.0 == name);
        found.map(|fault| fault.1.as_str())
    }

    /// Whether a fault is to be committed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A number in hexadecimal, with or without 0x.
    pub(crate) fn hex(&self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        u32::from_str_radix(value.trim_start_matches("0x"), 16).ok()
    }

    /// A decimal number; `default` if there is none.
    pub(crate) fn number(&self, name: &str, default: u32) -> Option<u32> {
        self.get(name).map(|value| value.parse().unwrap_or(default))
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|fault| fault.0)
    }
}

/// The faults that are planned.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Planned>>);

impl Script {
    /// Adds a fault: `[read:|write:|any:]NAME[=VALUE][@SKIP][*TIMES]`.
    pub(crate) fn add(&self, word: &str) -> Result<(), String> {
        let wrong = || format!("not a fault: {word}");
        let (only, rest) = match word.split_once(':') {
            Some(("read", rest)) => (Some(Access::Read), rest),
            Some(("write", rest)) => (Some(Access::Write), rest),
            Some(("any", rest)) => (Some(Access::Any), rest),
            _ => (None, word),
        };
        let (rest, left) = match rest.rsplit_once('*') {
            Some((rest, times)) => (rest, Some(times.parse().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        let (rest, skip) = match rest.rsplit_once('@') {
            Some((rest, skip)) => (rest, skip.parse().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        let (name, when, _) = FAULTS
            .iter()
            .find(|fault| fault.0 == name)
            .ok_or_else(wrong)?;
        self.planned().push(Planned {
            name,
            when: *when,
            only,
            value: value.to_owned(),
            skip,
            left,
        });
        Ok(())
    }

    /// Plans nothing any more.
    pub(crate) fn clear(&self) {
        self.planned().clear();
    }

    /// A login has come: the faults to commit.
    pub(crate) fn login(&self) -> Faults {
        self.occasion(When::Login, |_| true)
    }

    /// A command has come: the faults to commit. `access` is none of one that is not about blocks.
    pub(crate) fn command(&self, access: Option<Access>) -> Faults {
        self.occasion(When::Command, |only| match only {
            None => access.is_some(),
            Some(Access::Any) => true,
            only => only == access,
        })
    }

    fn occasion(&self, when: When, fits: impl Fn(Option<Access>) -> bool) -> Faults {
        let mut planned = self.planned();
        let due = planned
            .iter_mut()
            .filter(|fault| fault.when == when && fits(fault.only))
            .filter_map(|fault| fault.due().then(|| (fault.name, fault.value.clone())))
            .collect();
        Faults(due)
    }

    /// Something has come that one fault of the kind [`When::Each`] is about.
    pub(crate) fn each(&self, name: &str) -> Option<String> {
        debug_assert!(FAULTS.contains(&find(name)));
        let mut planned = self.planned();
        planned
            .iter_mut()
            .filter(|fault| fault.name == name)
            .find_map(|fault| fault.due().then(|| fault.value.clone()))
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, Vec<Planned>> {
        self.0.lock().expect("no thread panics with the script")
    }
}

fn find(name: &str) -> (&'static str, When, &'static str) {
    *FAULTS
        .iter()
        .find(|fault| fault.0 == name)
        .expect("a fault of the table")
}

/// The table for the operator.
pub(crate) fn help() -> String {
    let mut out = String::new();
    for (when, title) in [
        (When::Login, "Faults at login:"),
        (When::Command, "Faults at a READ or WRITE:"),
        (When::Each, "Other faults:"),
    ] {
        let _ = writeln!(out, "{title}");
        for (name, _, text) in FAULTS.iter().filter(|fault| fault.1 == when) {
            let _ = match text.strip_prefix(['=', '[']) {
                Some(_) => writeln!(out, "  {name}{text}"),
                None => writeln!(out, "  {name}: {text}"),
            };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_and_counts() {
        let script = Script::default();
        script.add("check=3/11/00@1*2").expect("a fault");
        let fired: Vec<bool> = (0..5)
            .map(|_| script.command(Some(Access::Read)).has("check"))
            .collect();
        assert_eq!(fired, [false, true, true, false, false]);
    }

    #[test]
    fn keeps_what_stands_in_values() {
        let script = Script::default();
        script.add("login-text=MaxBurstLength=7").expect("a fault");
        script.add("write:status=08").expect("a fault");
        assert!(!script.command(Some(Access::Read)).has("status"));
        assert!(script.command(Some(Access::Write)).has("status"));
        script.add("any:over").expect("a fault");
        assert!(script.command(None).has("over"));
        assert!(!script.command(None).has("status"));
        let faults = script.login();
        assert_eq!(faults.get("login-text"), Some("MaxBurstLength=7"));
        assert!(script.add("login-txt").is_err());
        assert!(script.add("close*x").is_err());
    }
}
