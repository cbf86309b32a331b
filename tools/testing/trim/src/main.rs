// SPDX-License-Identifier: GPL-2.0

//! Keeps the beginning of every TCP connection of a capture, for tests.
//!
//! What the disks of a test carry is hundreds of megabytes, and what is worth a look is in the first few of
//! each connection. Packets with neither data nor a meaning for the connection are left out as well. A capture
//! of which all is worth a look is cut into parts, where no connection is open, so that each can be judged.

mod packet;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write},
    process::ExitCode, //
};

use crate::packet::{Ends, Segment, FILE_HEADER, RECORD_HEADER};

const USAGE: &str = "\
usage: wire-trim FILE CONNECTION TOTAL [PARTS]

Reads a little-endian pcap file of Ethernet frames from standard input, until that ends, and writes to FILE what it
holds of TCP, up to CONNECTION bytes of each connection and TOTAL bytes in all. Tells on standard output what it saw.
With PARTS, each time that FILE holds a quarter of TOTAL and no connection is open, it is copied to PARTS.1.pcap,
PARTS.2.pcap and so on, and begun anew.
";

/// Longer packets than this there are none; a length beyond it means that the input is no capture.
const LONGEST: usize = 1 << 20;

/// What is known of a connection.
#[derive(Default)]
struct Connection {
    bytes: u64,
    full: bool,
    /// By the end that sends.
    ended: [bool; 2],
}

struct Trimmer {
    path: String,
    out: BufWriter<File>,
    header: [u8; FILE_HEADER],
    limit: u64,
    total_limit: u64,
    parts: Option<String>,
    part: u64,
    /// In the file, and in the parts before it.
    total: u64,
    before: u64,
    seen: u64,
    packets: u64,
    connections: HashMap<Ends, Connection>,
    opened: u64,
    cut: u64,
}

impl Trimmer {
    fn new(path: &str, limit: u64, total_limit: u64, parts: Option<String>) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 20, File::create(path)?),
            header: [0; FILE_HEADER],
            limit,
            total_limit,
            parts,
            part: 0,
            total: 0,
            before: 0,
            seen: 0,
            packets: 0,
            connections: HashMap::new(),
            opened: 0,
            cut: 0,
        })
    }

    fn run(&mut self, input: &mut impl Read) -> io::Result<()> {
        input.read_exact(&mut self.header)?;
        self.out.write_all(&self.header)?;
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
            self.opened += 1;
            self.connections.insert(segment.ends, Connection::default());
        }
        if !segment.has_data && !self.connections.contains_key(&segment.ends) {
            return Ok(());
        }
        let connection = self.connections.entry(segment.ends).or_default();
        connection.ended[usize::from(segment.from_first)] |= segment.ends_half();
        connection.ended[0] |= segment.ends_all();
        connection.ended[1] |= segment.ends_all();
        let may_end = connection.ended == [true; 2];
        self.keep(&segment, record, frame)?;
        if may_end && self.total >= self.total_limit / 4 {
            self.end_part()?;
        }
        Ok(())
    }

    fn keep(&mut self, segment: &Segment, record: &[u8], frame: &[u8]) -> io::Result<()> {
        let length = frame.len() as u64;
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

    /// Puts the file among the parts, if that is wanted and no connection is open.
    fn end_part(&mut self) -> io::Result<()> {
        let Some(parts) = &self.parts else {
            return Ok(());
        };
        if self
            .connections
            .values()
            .any(|each| each.ended != [true; 2])
        {
            return Ok(());
        }
        self.out.flush()?;
        self.part += 1;
        let part = format!("{parts}.{}.pcap", self.part);
        // Its name is for who takes it away, and that is not to see half of it.
        let half = format!("{part}.half");
        fs::copy(&self.path, &half)?;
        File::open(&half)?.sync_all()?;
        fs::rename(&half, &part)?;
        let file = self.out.get_mut();
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        self.before += self.total;
        self.total = 0;
        self.connections.clear();
        self.out.write_all(&self.header)
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
    let (file, limit, total, parts) = match args {
        [file, limit, total] => (file, limit, total, None),
        [file, limit, total, parts] => (file, limit, total, Some(parts.clone())),
        _ => return Err(USAGE.to_owned()),
    };
    let number = |text: &String| text.parse().map_err(|_| format!("{text} is no number"));
    let mut trimmer = Trimmer::new(file, number(limit)?, number(total)?, parts)
        .map_err(|error| format!("{file}: {error}"))?;
    trimmer
        .run(&mut BufReader::with_capacity(1 << 18, io::stdin().lock()))
        .map_err(|error| format!("{file}: {error}"))?;
    println!(
        "kept {} packets, {:.1} of {:.1} MB; {} connections, {} of them cut at a limit",
        trimmer.packets,
        (trimmer.before + trimmer.total) as f64 / 1e6,
        trimmer.seen as f64 / 1e6,
        trimmer.opened,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::{frame, FLAGS};

    fn records(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut input = vec![7; FILE_HEADER];
        for frame in frames {
            input.extend([0; 8]);
            input.extend((frame.len() as u32).to_le_bytes());
            input.extend((frame.len() as u32).to_le_bytes());
            input.extend(frame);
        }
        input
    }

    /// A connection as frames: it opens, carries 100 bytes, is ended by one side and then by the other.
    fn connection(port: u16) -> [Vec<u8>; 4] {
        let [syn, fin, _] = FLAGS;
        [
            frame(syn, port, 3260, &[]),
            frame(0, port, 3260, &[1; 100]),
            frame(fin, port, 3260, &[]),
            frame(fin, 3260, port, &[]),
        ]
    }

    #[test]
    fn parts_end_where_no_connection_is_open() {
        let directory = std::env::temp_dir().join(format!("wire-trim.{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let name = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let [first, second, third] = [connection(4000), connection(5000), connection(6000)];
        let [_, _, reset] = FLAGS;
        let mut frames = vec![];
        // The second is open when the first ends.
        frames.extend([&first[..2], &second[..2], &first[2..]].concat());
        frames.push(frame(reset, 3260, 5000, &[]));
        // Behind the end of a part nothing is kept of what is in it.
        frames.push(frame(reset, 5000, 3260, &[]));
        frames.extend(third);
        let mut trimmer = Trimmer::new(&name("all"), 1000, 1600, Some(name("part"))).unwrap();
        trimmer.run(&mut &*records(&frames)).unwrap();
        assert_eq!(
            fs::read(name("part.1.pcap")).unwrap(),
            records(&frames[..7])
        );
        assert_eq!(fs::read(name("all")).unwrap(), records(&frames[8..]));
        assert_eq!((trimmer.part, trimmer.opened, trimmer.cut), (1, 3, 0));
        fs::remove_dir_all(&directory).unwrap();
    }
}
