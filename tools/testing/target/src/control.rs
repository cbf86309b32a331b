// SPDX-License-Identifier: GPL-2.0

//! The control socket: words in, an answer out.

use std::{
    io::{
        self,
        ErrorKind::{
            ConnectionRefused,
            NotFound, //
        },
        Read,
        Write, //
    },
    net::Shutdown,
    os::unix::net::{
        UnixListener,
        UnixStream, //
    },
    sync::Arc,
    time::{
        Duration,
        Instant, //
    },
};

use crate::{
    bend,
    link::Out,
    target::Target, //
};

/// Does what a word says; what there is to tell comes back.
pub(crate) fn obey(target: &Target, word: &str) -> Result<String, String> {
    match word {
        "clear" => {
            target.script.clear();
            for link in target.links() {
                link.unfreeze();
            }
        }
        "peek" => return Ok(target.peek()),
        "report" => return Ok(target.report()),
        "held" => {
            let held: usize = target.links().iter().map(|link| link.held()).sum();
            return Ok(format!("{held}\n"));
        }
        "open" => {
            for link in target.links() {
                link.open();
                let sent = link.send_all(target, vec![bend::window_update()]);
                sent.map_err(|error| error.to_string())?;
            }
        }
        "release" => {
            for link in target.links() {
                link.release(target);
            }
        }
        _ => {
            if let Some(what) = word.strip_prefix("send=") {
                send(target, what)?;
            } else if word.starts_with(|first: char| first.is_ascii_uppercase()) {
                let (key, value) = word.split_once('=').ok_or("a key without a value")?;
                target.settings().set(key, value)?;
            } else {
                target.script.add(word)?;
            }
        }
    }
    Ok(String::new())
}

/// Sends something on all connections.
fn send(target: &Target, what: &str) -> Result<(), String> {
    let make: Box<dyn Fn() -> Vec<Out>> = match what.split_once(':').unwrap_or((what, "")) {
        ("nop-in", _) => Box::new(|| vec![bend::ping()]),
        ("async", event) => {
            let event = event.to_owned();
            bend::async_message(&event).ok_or_else(|| format!("not an event: {event}"))?;
            Box::new(move || bend::async_message(&event).into_iter().collect())
        }
        ("close", _) => {
            target.close_all();
            return Ok(());
        }
        _ => return Err(format!("cannot send {what}")),
    };
    for link in target.links() {
        let outs = make();
        link.send_all(target, outs)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Serves the control socket from a thread of its own.
pub(crate) fn listen(target: &Arc<Target>, path: &str) -> io::Result<()> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    let target = target.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who asks and goes away before the answer does not need it.
            let _ = answer(&target, stream);
        }
    });
    Ok(())
}

/// How long a target may take to start.
const START: Duration = Duration::from_secs(20);

/// When to look for it again.
const RETRY: Duration = Duration::from_millis(20);

/// Marks an answer that is an error.
const ERROR: &str = "error: ";

fn answer(target: &Target, mut stream: UnixStream) -> io::Result<()> {
    let mut words = String::new();
    stream.read_to_string(&mut words)?;
    for word in words.lines() {
        target.log(format_args!("told: {word}"));
        match obey(target, word) {
            Ok(text) => stream.write_all(text.as_bytes())?,
            Err(text) => return stream.write_all(format!("{ERROR}{text}").as_bytes()),
        }
    }
    Ok(())
}

/// Connects to a target, which may be about to listen.
fn connect(socket: &str) -> io::Result<UnixStream> {
    let started = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Err(error)
                if matches!(error.kind(), NotFound | ConnectionRefused)
                    && started.elapsed() < START =>
            {
                std::thread::sleep(RETRY);
            }
            result => return result,
        }
    }
}

/// Tells a running target some words, and prints what it answers.
pub(crate) fn tell(socket: &str, words: &[String]) -> Result<(), String> {
    let talk = || {
        let mut stream = connect(socket)?;
        stream.write_all(words.join("\n").as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text: String = talk().map_err(|error: io::Error| format!("{socket}: {error}"))?;
    match text.strip_prefix(ERROR) {
        Some(error) => Err(error.to_owned()),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}
