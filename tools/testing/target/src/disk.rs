// SPDX-License-Identifier: GPL-2.0

//! A disk in a file, and the SCSI commands it knows.

use std::{
    fs::{
        File,
        OpenOptions, //
    },
    io,
    os::unix::fs::FileExt,
    sync::atomic::{
        AtomicBool,
        Ordering, //
    },
};

/// Bytes in a block.
const BLOCK: u64 = 512;

/// GOOD, SAM.
const GOOD: u8 = 0x00;

/// CHECK CONDITION, SAM.
const CHECK_CONDITION: u8 = 0x02;

/// How a command ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// The SCSI status.
    pub(crate) status: u8,
    /// Sense data, in fixed format.
    pub(crate) sense: Vec<u8>,
    /// What was read.
    pub(crate) data: Vec<u8>,
}

impl Reply {
    pub(crate) fn good() -> Self {
        Self::default()
    }

    /// GOOD with data, cut to what the command has room for.
    fn data(mut data: Vec<u8>, room: usize) -> Self {
        data.truncate(room);
        Self {
            data,
            ..Self::default()
        }
    }

    /// CHECK CONDITION with sense data in fixed format, SPC-4 section 4.5.3.
    pub(crate) fn check(key: u8, asc: u8, ascq: u8) -> Self {
        let mut sense = vec![0; 18];
        sense[0] = 0x70;
        sense[2] = key;
        sense[7] = 10;
        sense[12] = asc;
        sense[13] = ascq;
        Self {
            status: CHECK_CONDITION,
            sense,
            data: Vec::new(),
        }
    }

    /// Whether the command has done what it should.
    pub(crate) fn is_good(&self) -> bool {
        self.status == GOOD
    }
}

/// INVALID FIELD IN CDB.
fn invalid_field() -> Reply {
    Reply::check(5, 0x24, 0)
}

/// The blocks that a READ or WRITE is about.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    first: u64,
    count: u64,
}

/// What a CDB of the READ or WRITE family says; `None` if it is another command.
fn blocks(cdb: &[u8; 16]) -> Option<Blocks> {
    let long = |at: usize| u64::from(u32_at(cdb, at));
    Some(match cdb[0] {
        0x08 | 0x0a => Blocks {
            first: long(0) & 0x1f_ffff,
            count: if cdb[4] == 0 { 256 } else { cdb[4].into() },
        },
        0x28 | 0x2a => Blocks {
            first: long(2),
            count: u16::from_be_bytes([cdb[7], cdb[8]]).into(),
        },
        0xa8 | 0xaa => Blocks {
            first: long(2),
            count: long(6),
        },
        0x88 | 0x8a => Blocks {
            first: (long(2) << 32) | long(6),
            count: long(10),
        },
        _ => return None,
    })
}

fn u32_at(cdb: &[u8; 16], at: usize) -> u32 {
    u32::from_be_bytes([cdb[at], cdb[at + 1], cdb[at + 2], cdb[at + 3]])
}

/// Makes READ (16) or WRITE (16) of READ (32) or WRITE (32), whose second half is in an additional
/// header segment, RFC 7143 section 11.2.2. The text is what is wrong with that.
pub(crate) fn shorten(cdb: &mut [u8; 16], ahs: &[u8]) -> Result<(), String> {
    const VARIABLE_LENGTH: u8 = 0x7f;
    if cdb[0] != VARIABLE_LENGTH {
        return match ahs {
            [] => Ok(()),
            _ => Err(format!("additional header segments: {ahs:02x?}")),
        };
    }
    // AHSLength counts the reserved byte and the 16 bytes of the CDB.
    let [0, 17, 1, 0, rest @ ..] = ahs else {
        return Err(format!("CDB goes on wrongly: {ahs:02x?}"));
    };
    let operation = match (cdb[8], cdb[9], rest.len()) {
        (0, 0x09, 16) => 0x88,
        (0, 0x0b, 16) => 0x8a,
        _ => return Err(format!("CDB goes on wrongly: {cdb:02x?} {ahs:02x?}")),
    };
    let mut short = [0; 16];
    short[0] = operation;
    // Its address begins in the first half, its length ends the second.
    short[2..6].copy_from_slice(&cdb[12..16]);
    short[6..10].copy_from_slice(&rest[..4]);
    short[10..14].copy_from_slice(&rest[12..16]);
    *cdb = short;
    Ok(())
}

/// Whether a command reads or writes blocks.
pub(crate) fn is_media(cdb: &[u8; 16]) -> bool {
    blocks(cdb).is_some()
}

/// Whether a command writes blocks.
pub(crate) fn is_write(cdb: &[u8; 16]) -> bool {
    matches!(cdb[0], 0x0a | 0x2a | 0xaa | 0x8a)
}

/// A disk.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    bytes: u64,
    /// Tells each disk from all others.
    serial: String,
    /// A reset happened: the next command is told so.
    pub(crate) was_reset: AtomicBool,
}

impl Disk {
    /// The disk in a file, of the file's size.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let bytes = file.metadata()?.len() / BLOCK * BLOCK;
        let name = path.rsplit('/').next().unwrap_or(path);
        Ok(Self {
            file,
            bytes,
            serial: name.to_owned(),
            was_reset: AtomicBool::new(false),
        })
    }

    /// Executes a command; `data` is what it writes.
    pub(crate) fn execute(&self, cdb: &[u8; 16], data: &[u8]) -> Reply {
        let polite = matches!(cdb[0], 0x03 | 0x12 | 0xa0);
        if !polite && self.was_reset.swap(false, Ordering::Relaxed) {
            // BUS DEVICE RESET FUNCTION OCCURRED.
            return Reply::check(6, 0x29, 3);
        }
        if let Some(blocks) = blocks(cdb) {
            return self.transfer(blocks, is_write(cdb), data);
        }
        match cdb[0] {
            // TEST UNIT READY, START STOP UNIT, SYNCHRONIZE CACHE (10) and (16).
            0x00 | 0x1b | 0x35 | 0x91 => Reply::good(),
            // REQUEST SENSE.
            0x03 => Reply::data(Reply::check(0, 0, 0).sense, cdb[4].into()),
            0x12 => self.inquiry(cdb),
            0x1a => Reply::data(mode_sense(3), cdb[4].into()),
            0x5a => Reply::data(mode_sense(7), u16::from_be_bytes([cdb[7], cdb[8]]).into()),
            0x25 => self.capacity_10(),
            0x9e if cdb[1] & 0x1f == 0x10 => self.capacity_16(u32_at(cdb, 10) as usize),
            _ => Reply::check(5, 0x20, 0),
        }
    }

    fn transfer(&self, blocks: Blocks, write: bool, data: &[u8]) -> Reply {
        let (start, len) = (blocks.first * BLOCK, blocks.count * BLOCK);
        if start.saturating_add(len) > self.bytes {
            return Reply::check(5, 0x21, 0);
        }
        let mut reply = Reply::good();
        let done = if write {
            match data.get(..len as usize) {
                Some(data) => self.file.write_all_at(data, start),
                None => return invalid_field(),
            }
        } else {
            reply.data = vec![0; len as usize];
            self.file.read_exact_at(&mut reply.data, start)
        };
        match done {
            Ok(()) => reply,
            Err(_) => Reply::check(3, 0x11, 0),
        }
    }

    /// INQUIRY, SPC-4 section 6.4, and the vital product data, section 7.8.
    fn inquiry(&self, cdb: &[u8; 16]) -> Reply {
        let room = u16::from_be_bytes([cdb[3], cdb[4]]).into();
        if cdb[1] & 1 == 0 {
            let mut data = vec![0, 0, 6, 0x12, 31, 0, 0, 2];
            data.extend_from_slice(b"SCRIPTEDdisk            0001");
            return Reply::data(data, room);
        }
        let page: Vec<u8> = match cdb[2] {
            0x00 => vec![0x00, 0x80, 0x83],
            0x80 => self.serial.clone().into_bytes(),
            0x83 => {
                // A designator of T10 vendor identification, in ASCII.
                let mut id = b"SCRIPTED".to_vec();
                id.extend_from_slice(self.serial.as_bytes());
                let mut page = vec![0x02, 0x01, 0, id.len() as u8];
                page.extend_from_slice(&id);
                // And an NAA, locally assigned.
                page.extend_from_slice(&[0x01, 0x03, 0, 8]);
                page.extend_from_slice(&self.naa().to_be_bytes());
                page
            }
            _ => return invalid_field(),
        };
        let mut data = vec![0, cdb[2]];
        data.extend_from_slice(&(page.len() as u16).to_be_bytes());
        data.extend_from_slice(&page);
        Reply::data(data, room)
    }

    fn naa(&self) -> u64 {
        // FNV-1a.
        let hash = self
            .serial
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        (3 << 60) | (hash >> 4)
    }

    fn last_block(&self) -> u64 {
        (self.bytes / BLOCK).saturating_sub(1)
    }

    fn capacity_10(&self) -> Reply {
        let last = u32::try_from(self.last_block()).unwrap_or(u32::MAX);
        let mut data = last.to_be_bytes().to_vec();
        data.extend_from_slice(&(BLOCK as u32).to_be_bytes());
        Reply::data(data, 8)
    }

    fn capacity_16(&self, room: usize) -> Reply {
        let mut data = self.last_block().to_be_bytes().to_vec();
        data.extend_from_slice(&(BLOCK as u32).to_be_bytes());
        data.resize(32, 0);
        Reply::data(data, room)
    }
}

/// A header of `header` and one bytes, no block descriptors, the caching page with WCE, SBC-3
/// section 6.4.5.
fn mode_sense(header: usize) -> Vec<u8> {
    let mut data = vec![0; header + 1];
    let mut page = vec![0; 20];
    page[0] = 0x08;
    page[1] = 18;
    page[2] = 0x04;
    data.extend_from_slice(&page);
    let rest = data.len();
    if header == 3 {
        data[0] = (rest - 1) as u8;
    } else {
        data[1] = (rest - 2) as u8;
    }
    data
}

/// REPORT LUNS for `count` units from 1 on, SPC-4 section 6.33.
pub(crate) fn report_luns(cdb: &[u8; 16], count: usize) -> Reply {
    let mut data = ((count * 8) as u32).to_be_bytes().to_vec();
    data.resize(8, 0);
    for lun in 1..=count {
        data.extend_from_slice(&[0, lun as u8, 0, 0, 0, 0, 0, 0]);
    }
    Reply::data(data, u32_at(cdb, 6) as usize)
}

/// What a unit that does not exist answers.
pub(crate) fn no_unit(cdb: &[u8; 16]) -> Reply {
    if cdb[0] == 0x12 && cdb[1] & 1 == 0 {
        let mut data = vec![0x7f, 0, 6, 0x12, 31];
        data.resize(36, 0);
        return Reply::data(data, u16::from_be_bytes([cdb[3], cdb[4]]).into());
    }
    Reply::check(5, 0x25, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_a_long_cdb() {
        let mut cdb = [0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x09, 0, 0, 0, 0, 0, 1];
        let ahs = [0, 17, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8];
        assert_eq!(shorten(&mut cdb, &ahs), Ok(()));
        let blocks = blocks(&cdb).expect("a READ");
        assert_eq!((blocks.first, blocks.count), (0x1_0000_0002, 8));
        assert!(shorten(&mut cdb, &ahs).is_err());
    }

    #[test]
    fn reads_the_blocks_of_every_cdb() {
        let get = |bytes: &[u8]| {
            let mut cdb = [0; 16];
            cdb[..bytes.len()].copy_from_slice(bytes);
            blocks(&cdb).map(|blocks| (blocks.first, blocks.count))
        };
        assert_eq!(get(&[0x08, 0xe1, 0x02, 0x03, 0, 0]), Some((0x1_0203, 256)));
        assert_eq!(
            get(&[0x2a, 0, 1, 2, 3, 4, 0, 0, 8, 0]),
            Some((0x0102_0304, 8))
        );
        assert_eq!(
            get(&[0x88, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0]),
            Some((0x1_0000_0002, 256))
        );
        assert_eq!(get(&[0x00]), None);
    }
}
