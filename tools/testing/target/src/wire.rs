// SPDX-License-Identifier: GPL-2.0

//! PDUs on the wire: framing, padding and digests, RFC 7143 section 11.2.

use std::io::{
    self,
    Read, //
};

use iscsi_proto::proto::pdu::{
    self,
    Bhs, //
};

/// Whether digests are in use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digests {
    /// Behind headers.
    pub(crate) header: bool,
    /// Behind data segments.
    pub(crate) data: bool,
}

/// A PDU that has come.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The basic header.
    pub(crate) bhs: Bhs,
    /// Additional header segments.
    pub(crate) ahs: Vec<u8>,
    /// The data segment without padding.
    pub(crate) data: Vec<u8>,
}

/// The longest data segment that is read at all.
const MAX_SEGMENT: u32 = 1 << 24;

/// Reads one PDU; `None` if the connection has ended before it.
pub(crate) fn read(from: &mut impl Read, digests: Digests) -> io::Result<Option<Received>> {
    let mut bhs: Bhs = [0; pdu::BHS_LEN];
    if from.read(&mut bhs[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut bhs[1..])?;
    let mut ahs = vec![0; pdu::total_ahs_length(&bhs) as usize];
    from.read_exact(&mut ahs)?;
    if digests.header {
        let mut crc = Crc32c::new();
        crc.update(&bhs);
        crc.update(&ahs);
        check(from, crc, "wrong header digest")?;
    }
    let len = pdu::data_segment_length(&bhs);
    if len >= MAX_SEGMENT {
        return Err(io::Error::other("endless data segment"));
    }
    let mut data = vec![0; (len + pdu::padding(len)) as usize];
    from.read_exact(&mut data)?;
    if digests.data && len > 0 {
        let mut crc = Crc32c::new();
        crc.update(&data);
        check(from, crc, "wrong data digest")?;
    }
    data.truncate(len as usize);
    Ok(Some(Received { bhs, ahs, data }))
}

fn check(from: &mut impl Read, crc: Crc32c, fault: &'static str) -> io::Result<()> {
    let mut got = [0; 4];
    from.read_exact(&mut got)?;
    if got == crc.finish() {
        Ok(())
    } else {
        Err(io::Error::other(fault))
    }
}

/// What is wrong with a PDU that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Nothing.
    #[default]
    None,
    /// The digest of the header.
    HeaderDigest,
    /// The digest of the data, or the data under it.
    DataDigest,
}

/// The bytes of a PDU.
pub(crate) fn bytes(bhs: &Bhs, data: &[u8], digests: Digests, damage: Damage) -> Vec<u8> {
    let mut out = Vec::with_capacity(pdu::BHS_LEN + data.len() + 12);
    out.extend_from_slice(bhs);
    if digests.header {
        let mut crc = Crc32c::new();
        crc.update(bhs);
        let mut digest = crc.finish();
        if damage == Damage::HeaderDigest {
            digest[1] ^= 0x10;
        }
        out.extend_from_slice(&digest);
    }
    let start = out.len();
    out.extend_from_slice(data);
    out.resize(out.len() + pdu::padding(data.len() as u32) as usize, 0);
    if digests.data && !data.is_empty() {
        let mut crc = Crc32c::new();
        crc.update(&out[start..]);
        if damage == Damage::DataDigest {
            // As on a bad line: the data are wrong, the digest is not.
            out[start + data.len() / 2] ^= 0x01;
        }
        out.extend_from_slice(&crc.finish());
    }
    out
}

/// CRC32C, RFC 7143 section 13.1: the digest stands on the wire with the least significant byte
/// first.
struct Crc32c(u32);

impl Crc32c {
    fn new() -> Self {
        Self(u32::MAX)
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = TABLE[usize::from(low ^ byte)] ^ (self.0 >> 8);
        }
    }

    fn finish(self) -> [u8; 4] {
        (!self.0).to_le_bytes()
    }
}

/// The remainders of all bytes, with the polynomial reflected.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut rest = index as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = (rest >> 1) ^ (0x82f6_3b78 * (rest & 1));
            bit += 1;
        }
        table[index] = rest;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7143 appendix A.4.
    #[test]
    fn digests_the_examples_of_the_rfc() {
        let digest = |bytes: &[u8]| {
            let mut crc = Crc32c::new();
            crc.update(bytes);
            crc.finish()
        };
        assert_eq!(digest(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
        assert_eq!(digest(&[0xff; 32]), [0x43, 0xab, 0xa8, 0x62]);
    }

    #[test]
    fn reads_what_it_writes() {
        let digests = Digests {
            header: true,
            data: true,
        };
        let mut bhs = [0; 48];
        bhs[7] = 5;
        let good = bytes(&bhs, b"hello", digests, Damage::None);
        let back = read(&mut good.as_slice(), digests).expect("right digests");
        assert_eq!(back.expect("a PDU").data, b"hello");
        for damage in [Damage::HeaderDigest, Damage::DataDigest] {
            let bad = bytes(&bhs, b"hello", digests, damage);
            assert!(read(&mut bad.as_slice(), digests).is_err());
        }
    }
}
