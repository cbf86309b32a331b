// SPDX-License-Identifier: GPL-2.0

//! An iSCSI target for tests: it serves disks by the book, except for the faults that it is asked
//! for, and keeps a list of what the initiator does against the book.
//!
//! One thread for each connection, which handles one PDU after the other, and one for the control
//! socket. [`script`] has the table of faults; [`login`], [`connection`] and [`bend`] commit them.

mod bend;
mod connection;
mod control;
mod disk;
mod link;
mod login;
mod script;
mod settings;
mod target;
mod wire;

use std::{
    net::TcpListener,
    process::ExitCode,
    sync::Arc, //
};

use crate::{
    disk::Disk,
    target::Target, //
};

const USAGE: &str = "\
usage: scripted-target --listen ADDRESS:PORT --name NAME --control SOCKET [--lun FILE]... [WORD]...
       scripted-target [--tell SOCKET WORD...]...

The files are LUN 1, 2 and so on, in blocks of 512 bytes. A word, at the start or told later, is
  [read:|write:|any:]FAULT[=VALUE][@SKIP][*TIMES]
                                a fault to commit: after SKIP occasions, TIMES times (else for ever)
  Key=Value                     what the target wants at the next login
  clear                         an end of all faults
  held                          prints how many commands are held
  open                          opens the window of commands, and says so
  release                       answers commands that are held
  send=async:EVENT|nop-in|close sends it now, on all connections
  peek                          prints what has happened so far, as JSON
  report                        the same, and starts anew

Who tells waits for a target that is just starting. Several may be told at once, one after the other.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("--tell") => {
            args.split(|arg| arg == "--tell")
                .skip(1)
                .try_for_each(|told| match told {
                    [socket, words @ ..] => control::tell(socket, words),
                    [] => Err(usage()),
                })
        }
        _ => serve(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("scripted-target: {text}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    format!("wrong arguments\n{USAGE}{}", script::help())
}

fn serve(args: &[String]) -> Result<(), String> {
    let (mut listen, mut name, mut socket) = (None, None, None);
    let (mut disks, mut words) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(usage);
        match arg.as_str() {
            "--listen" => listen = Some(value()?),
            "--name" => name = Some(value()?),
            "--control" => socket = Some(value()?),
            "--lun" => {
                let file = value()?;
                disks.push(Disk::open(&file).map_err(|error| format!("{file}: {error}"))?);
            }
            option if option.starts_with('-') => return Err(usage()),
            word => words.push(word.to_owned()),
        }
    }
    let (Some(listen), Some(name), Some(socket)) = (listen, name, socket) else {
        return Err(usage());
    };
    let target = Arc::new(Target::new(name, disks));
    for word in &words {
        control::obey(&target, word)?;
    }
    let listener = TcpListener::bind(&listen).map_err(|error| format!("{listen}: {error}"))?;
    control::listen(&target, &socket).map_err(|error| format!("{socket}: {error}"))?;
    for stream in listener.incoming().flatten() {
        let target = target.clone();
        std::thread::spawn(move || connection::serve(&target, stream));
    }
    Ok(())
}
