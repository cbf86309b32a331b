// SPDX-License-Identifier: GPL-2.0

//! `iscsiadm`: what an operator types to drive the iSCSI initiator in the kernel.
//!
//! From the words to the effect: [`grammar`] is the table of everything that can be typed,
//! [`parse`] matches words with it, [`meaning`] checks every value and makes a
//! [`Request`](meaning::Request), [`commands`] carries it out through the [`kernel::Kernel`] trait,
//! and [`output`] writes what comes back. [`netlink`] is the kernel as it is, [`database`] the file
//! that keeps the configuration across reboots, [`stdio`] the streams that take what is said.

#![forbid(unsafe_code)]

mod commands;
mod database;
mod failure;
mod grammar;
mod kernel;
mod meaning;
mod model;
mod netlink;
mod output;
mod parse;
mod stdio;
mod system;
#[path = "../../../drivers/scsi/iscsi/control/uapi.rs"]
mod uapi;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use commands::Context;
use database::Database;
use failure::{
    Exit,
    Failure, //
};
use meaning::Request;
use netlink::NetlinkKernel;
use system::System;

fn main() -> ExitCode {
    let exit = match run(std::env::args_os().skip(1).collect()) {
        Ok((text, exit)) => print(&text).unwrap_or(exit),
        Err(failure) => {
            failure.report();
            failure.exit
        }
    };
    ExitCode::from(exit)
}

/// Does what the words ask for, and returns what to print.
fn run(words: Vec<OsString>) -> Result<(String, Exit), Failure> {
    let typed = parse::parse(words)?;
    let system = System::default();
    let request = meaning::understand(typed, &system)?;
    if let Request::Print(text) = request {
        return Ok((text, Exit::Done));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::error("permission denied"));
    }
    let mut kernel = NetlinkKernel::open()?;
    let mut context = Context {
        kernel: &mut kernel,
        database: Database::at(database::DIRECTORY),
        system,
    };
    context.load()?;
    commands::run(&mut context, request)
}

/// Prints the answer. Whoever reads it may stop reading.
fn print(text: &str) -> Option<Exit> {
    match stdio::print(text) {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => None,
        Err(error) => {
            let words = failure::words(&error);
            failure::warn(&format!("cannot write the output: {words}"));
            Some(Exit::Failed)
        }
    }
}
