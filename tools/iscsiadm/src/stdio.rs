// SPDX-License-Identifier: GPL-2.0

//! Standard output and standard error: what cannot be written is told, and lines do not mix.

use std::io::{
    self,
    IsTerminal,
    Write, //
};

use crate::output;

/// Prints a text on standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    let text = match stdout.is_terminal() {
        true => output::for_terminal(text),
        false => text.into(),
    };
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints lines on standard error.
pub(crate) fn print_error(lines: &str) {
    let stderr = io::stderr().lock();
    let lines = match stderr.is_terminal() {
        true => output::for_terminal(lines),
        false => lines.into(),
    };
    // There is nobody left to tell if this fails.
    let _ = at_once(stderr, &lines);
}

/// Writes lines with one call, as those of another process may come between two.
fn at_once(mut to: impl Write, lines: &str) -> io::Result<()> {
    to.write_all(format!("{}\n", lines.trim_end()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Calls(Vec<String>);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_and_its_end_are_one_write() {
        let mut calls = Calls(Vec::new());
        at_once(&mut calls, "one").unwrap();
        at_once(&mut calls, "two\nand its hint\n").unwrap();
        assert_eq!(calls.0, ["one\n", "two\nand its hint\n"]);
    }
}
