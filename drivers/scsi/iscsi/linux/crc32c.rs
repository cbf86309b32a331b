// SPDX-License-Identifier: GPL-2.0

//! CRC32C, the header and data digest of RFC 7143 section 13.1.
//!
//! C header: [`include/linux/crc32.h`](srctree/include/linux/crc32.h)

#[cfg(not(test))]
use super::bindings;

/// A digest over bytes that come in pieces.
///
/// The pieces are, in order: for a header digest the 48 bytes of the header and its additional
/// header segments; for a data digest the data segment and its padding (RFC 7143 sections 11.2.3
/// and 11.2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest {
    /// The remainder so far, not complemented.
    remainder: u32,
}

impl Digest {
    /// A digest over nothing yet.
    pub(crate) const fn new() -> Self {
        Self {
            remainder: u32::MAX,
        }
    }

    /// The digest of one run of bytes.
    pub(crate) fn of(bytes: &[u8]) -> [u8; DIGEST_LEN] {
        let mut digest = Self::new();
        digest.update(bytes);
        digest.finish()
    }

    /// Takes the next bytes in.
    ///
    /// # Context
    ///
    /// Any. Uses the CPU's CRC32C instructions where it has them.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.remainder = crc32c(self.remainder, bytes);
    }

    /// The four bytes as they stand in a PDU.
    ///
    /// The polynomial's remainder goes on the wire with the coefficient of x^31 in the lowest bit
    /// of the first byte; in terms of the reflected 32-bit number that `crc32c` returns, that is
    /// little-endian order.
    pub(crate) const fn finish(self) -> [u8; DIGEST_LEN] {
        (!self.remainder).to_le_bytes()
    }
}

/// The length of a digest in bytes.
pub(crate) const DIGEST_LEN: usize = 4;

/// The remainder after `bytes`, complemented neither before nor after.
#[cfg(not(test))]
fn crc32c(remainder: u32, bytes: &[u8]) -> u32 {
    // SAFETY: The pointer and the length are those of a slice, which the function only reads.
    unsafe { bindings::crc32c(remainder, bytes.as_ptr().cast(), bytes.len()) }
}

/// As above, one bit at a time: what the tests use, which run on the host.
#[cfg(test)]
fn crc32c(remainder: u32, bytes: &[u8]) -> u32 {
    /// 0x1edc6f41 of RFC 7143 section 13.1, reflected.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    bytes.iter().fold(remainder, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The read command of the examples in RFC 7143 appendix A.4.
    const READ_PDU: [u8; 48] = [
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
        0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00,
    ];

    fn counting(step: impl Fn(u8) -> u8) -> [u8; 32] {
        core::array::from_fn(|i| step(i as u8))
    }

    #[test]
    fn examples_of_rfc_7143_appendix_a_4() {
        assert_eq!(Digest::of(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
        assert_eq!(Digest::of(&[0xff; 32]), [0x43, 0xab, 0xa8, 0x62]);
        assert_eq!(Digest::of(&counting(|i| i)), [0x4e, 0x79, 0xdd, 0x46]);
        assert_eq!(Digest::of(&counting(|i| 31 - i)), [0x5c, 0xdb, 0x3f, 0x11]);
        assert_eq!(Digest::of(&READ_PDU), [0x56, 0x3a, 0x96, 0xd9]);
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        for cut in 0..=READ_PDU.len() {
            let (head, tail) = READ_PDU.split_at(cut);
            let mut digest = Digest::new();
            digest.update(head);
            digest.update(&[]);
            digest.update(tail);
            assert_eq!(digest.finish(), Digest::of(&READ_PDU), "cut at {cut}");
        }
    }
}
