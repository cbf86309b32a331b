// SPDX-License-Identifier: GPL-2.0

//! How a call ends, and what is said on standard error about it.

use std::io;
use std::process::ExitCode;

use crate::output;
use crate::stdio;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// A mistake in what was typed (then nothing has changed), or the kernel refused.
    Failed = 1,
    /// The configuration is stored, but a session that it asks for could not log in.
    NotLoggedIn = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::NotLoggedIn => Self::from(2),
        }
    }
}

/// Why a call did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What to tell, one sentence each.
    pub(crate) lines: Vec<String>,
    /// What to print below, without a prefix: the way on.
    pub(crate) hint: Option<String>,
    /// What was found out in spite of it, for standard output.
    pub(crate) output: String,
}

impl Failure {
    /// One sentence, exit code 1.
    pub(crate) fn error(line: impl Into<String>) -> Self {
        Self::errors(vec![line.into()])
    }

    /// Several sentences, exit code 1.
    pub(crate) fn errors(lines: Vec<String>) -> Self {
        Self {
            exit: Exit::Failed,
            lines,
            hint: None,
            output: String::new(),
        }
    }

    /// The same with a way on.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Prints all of it.
    pub(crate) fn report(&self) {
        // Whoever reads it may stop reading; the exit code tells enough.
        let _ = stdio::print(&self.output);
        let mut lines: Vec<String> = self.lines.iter().map(|line| prefixed(line)).collect();
        lines.extend(self.hint.clone());
        if !lines.is_empty() {
            stdio::print_error(&lines.join("\n"));
        }
    }
}

/// Says one sentence on standard error.
pub(crate) fn warn(line: &str) {
    stdio::print_error(&prefixed(line));
}

fn prefixed(line: &str) -> String {
    format!("iscsiadm: {}", output::one_line(line))
}

/// What went wrong, in the system's words.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
