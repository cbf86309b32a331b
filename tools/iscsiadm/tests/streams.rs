// SPDX-License-Identifier: GPL-2.0

//! The program with streams that do not take what it prints.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{
    Command,
    Output, //
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_iscsiadm");

/// Runs it as a shell does with this redirection.
fn redirected(redirection: &str) -> Output {
    Command::new("sh")
        .args(["-c", &format!("exec \"$0\" --version {redirection}")])
        .arg(PROGRAM)
        .output()
        .unwrap()
}

#[track_caller]
fn fails(output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("iscsiadm: cannot write the output: {words}\n")
    );
}

#[test]
fn an_output_that_goes_nowhere_is_a_failure() {
    fails(&redirected(">/dev/full"), "No space left on device");
}

#[test]
fn an_output_that_nobody_wants_is_none() {
    for wanted in [">/dev/null", "<>/dev/null >&0", "2>&-", "<&-"] {
        assert_eq!(redirected(wanted).status.code(), Some(0), "{wanted}");
    }
    let (reader, writer) = UnixStream::pair().unwrap();
    drop(reader);
    let status = Command::new(PROGRAM)
        .arg("--version")
        .stdout(OwnedFd::from(writer))
        .status();
    assert_eq!(status.unwrap().code(), Some(0));
}
