// SPDX-License-Identifier: GPL-2.0

//! Keeps the beginning of every TCP connection of a capture, for tests.
//!
//! What the disks of a test carry is hundreds of megabytes, and what is worth a look is in the first few of
//! each connection. Packets with neither data nor a meaning for the connection are left out as well.

mod packet;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read, Write},
    process::ExitCode, //
};

use crate::packet::{Ends, Segment, FILE_HEADER, RECORD_HEADER};

const USAGE: &str = "\
usage: wire-trim FILE CONNECTION TOTAL

Reads a little-endian pcap file of Ethernet frames from standard input, until that ends, and writes to FILE what it
holds of TCP, up to CONNECTION bytes of each connection and TOTAL bytes in all. Tells on standard output what it saw.
";

/// Longer packets than this there are none; a length beyond it means that the input is no capture.
const LONGEST: usize = 1 << 20;

/// What is known of a connection.
#[derive(Default)]
struct Connection {
    bytes: u64,
    full: bool,
}

struct Trimmer {
    out: BufWriter<File>,
    limit: u64,
    total_limit: u64,
    total: u64,
    seen: u64,
    packets: u64,
    connections: HashMap<Ends, Connection>,
    cut: u64,
}

impl Trimmer {
    fn run(&mut self, input: &mut impl Read) -> io::Result<()> {
        let mut header = [0; FILE_HEADER];
        input.read_exact(&mut header)?;
        self.out.write_all(&header)?;
        // Who waits for the capture to begin looks at the file.
        self.out.flush()?;
        let mut record = [0; RECORD_HEADER];
        let mut frame = Vec::new();
        while read_whole(input, &mut record)? {
            let length = packet::frame_length(&record);
            if length > LONGEST {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    format!("a packet of {length} bytes"),
                ));
            }
            frame.resize(length, 0);
            if !read_whole(input, &mut frame)? {
                break;
            }
            self.packet(&record, &frame)?;
        }
        self.out.flush()
    }

    fn packet(&mut self, record: &[u8], frame: &[u8]) -> io::Result<()> {
        let Some(segment) = Segment::parse(frame) else {
            return Ok(());
        };
        let length = frame.len() as u64;
        self.seen += length;
        if segment.opens() {
            self.connections.insert(segment.ends, Connection::default());
        }
        let connection = self.connections.entry(segment.ends).or_default();
        if connection.full || !segment.matters() {
            return Ok(());
        }
        if connection.bytes + length > self.limit || self.total + length > self.total_limit {
            // For good: behind a hole nothing can be judged.
            connection.full = true;
            self.cut += 1;
            return Ok(());
        }
        connection.bytes += length;
        self.total += length;
        self.packets += 1;
        self.out.write_all(record)?;
        self.out.write_all(frame)
    }
}

/// Fills the buffer; false at the end of the input, even in the middle, for a capture may be ended at any time.
fn read_whole(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let [file, limit, total] = args else {
        return Err(USAGE.to_owned());
    };
    let number = |text: &String| text.parse().map_err(|_| format!("{text} is no number"));
    let out = File::create(file).map_err(|error| format!("{file}: {error}"))?;
    let mut trimmer = Trimmer {
        out: BufWriter::with_capacity(1 << 20, out),
        limit: number(limit)?,
        total_limit: number(total)?,
        total: 0,
        seen: 0,
        packets: 0,
        connections: HashMap::new(),
        cut: 0,
    };
    trimmer
        .run(&mut BufReader::with_capacity(1 << 18, io::stdin().lock()))
        .map_err(|error| format!("{file}: {error}"))?;
    println!(
        "kept {} packets, {:.1} of {:.1} MB; {} connections, {} of them cut at a limit",
        trimmer.packets,
        trimmer.total as f64 / 1e6,
        trimmer.seen as f64 / 1e6,
        trimmer.connections.len(),
        trimmer.cut
    );
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("wire-trim: {text}");
            ExitCode::FAILURE
        }
    }
}
