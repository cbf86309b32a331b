// SPDX-License-Identifier: GPL-2.0

//! Additional header segments, RFC 7143 section 11.2.2: the rest of a long CDB, and how much a
//! bidirectional command reads.

use crate::proto::{
    pdu::padding,
    reader::{
        ReadError,
        Reader, //
    }, //
};

/// One additional header segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahs<'a> {
    /// What a CDB has beyond its first 16 bytes, section 11.2.2.3. Not empty.
    ExtendedCdb(&'a [u8]),
    /// Bidirectional Read Expected Data Transfer Length in bytes, section 11.2.2.4.
    BidiReadLen(u32),
}

/// Why additional header segments cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AhsError {
    /// A segment ends before it should.
    Truncated,
    /// A segment's length does not fit its type.
    BadLength {
        /// AHSLength as received.
        len: u16,
    },
    /// The type is reserved.
    ReservedType(u8),
    /// More than the header can announce, or the buffer can hold.
    NoRoom,
    /// A CDB of no bytes, or of more than [`MAX_CDB_LEN`].
    BadCdb,
}

impl From<ReadError> for AhsError {
    fn from(_: ReadError) -> Self {
        Self::Truncated
    }
}

/// Reads additional header segments one by one. An error ends the list.
#[derive(Clone, Copy, Debug)]
pub struct AhsList<'a> {
    rest: Reader<'a>,
}

impl<'a> AhsList<'a> {
    /// Reads the bytes between header and header digest, padding included.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: Reader::new(bytes),
        }
    }

    fn read(&mut self) -> Result<Ahs<'a>, AhsError> {
        let len = self.rest.u16("AHSLength")?;
        // The two highest bits of the type are reserved, section 11.2.2.1.
        let kind = self.rest.u8("AHSType")? & 0x3f;
        let mut body = self.rest.sub(len.into(), "AHS")?;
        // The type's byte and the length's two are no part of AHSLength.
        self.rest
            .take(padding(u32::from(len) + 3) as usize, "padding")?;
        // Both known types begin with a reserved byte; so does the shortest body of either.
        match kind {
            EXTENDED_CDB if len > 1 => {
                body.u8("reserved")?;
                Ok(Ahs::ExtendedCdb(body.rest()))
            }
            BIDI_READ_LEN if len == 5 => {
                body.u8("reserved")?;
                Ok(Ahs::BidiReadLen(body.u32("length")?))
            }
            EXTENDED_CDB | BIDI_READ_LEN => Err(AhsError::BadLength { len }),
            other => Err(AhsError::ReservedType(other)),
        }
    }
}

impl<'a> Iterator for AhsList<'a> {
    type Item = Result<Ahs<'a>, AhsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.rest = Reader::new(&[]);
        }
        Some(item)
    }
}

/// Writes additional header segments into a buffer.
#[derive(Debug)]
pub struct AhsWriter<'a> {
    rest: &'a mut [u8],
    words: u8,
}

impl<'a> AhsWriter<'a> {
    /// Writes from the start of `buffer` on.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            rest: buffer,
            words: 0,
        }
    }

    /// Adds a segment with its padding.
    ///
    /// # Errors
    ///
    /// - [`AhsError::NoRoom`] if the buffer or TotalAHSLength cannot take it.
    /// - [`AhsError::BadCdb`] if the rest of the CDB is empty or longer than can be.
    pub fn push(&mut self, ahs: Ahs<'_>) -> Result<(), AhsError> {
        let read_len;
        let (kind, body): (u8, &[u8]) = match ahs {
            Ahs::ExtendedCdb(rest) => (EXTENDED_CDB, rest),
            Ahs::BidiReadLen(len) => {
                read_len = len.to_be_bytes();
                (BIDI_READ_LEN, &read_len)
            }
        };
        if body.is_empty() || body.len() > MAX_CDB_LEN - 16 {
            return Err(AhsError::BadCdb);
        }
        // Checked above: a body is 1 ..= 1016 bytes.
        let len = u16::try_from(body.len() + 1).map_err(|_| AhsError::BadCdb)?;
        let whole = AHS_HEAD + body.len().next_multiple_of(4);
        let words = u8::try_from(whole / 4)
            .ok()
            .and_then(|more| self.words.checked_add(more))
            .ok_or(AhsError::NoRoom)?;

        let rest = core::mem::take(&mut self.rest);
        let Some((place, rest)) = rest.split_at_mut_checked(whole) else {
            return Err(AhsError::NoRoom);
        };
        place.fill(0);
        let [len1, len0] = len.to_be_bytes();
        let bytes = [len1, len0, kind, 0];
        for (to, from) in place.iter_mut().zip(bytes.iter().chain(body)) {
            *to = *from;
        }
        self.rest = rest;
        self.words = words;
        Ok(())
    }

    /// TotalAHSLength of what is written, in words of 4 bytes.
    pub const fn words(&self) -> u8 {
        self.words
    }
}

/// Splits a CDB into the 16 bytes of the header and the rest, which goes into an
/// [`Ahs::ExtendedCdb`] unless it is empty (section 11.3.5).
///
/// # Errors
///
/// [`AhsError::BadCdb`] if the CDB is empty or longer than [`MAX_CDB_LEN`].
pub fn split_cdb(cdb: &[u8]) -> Result<([u8; 16], &[u8]), AhsError> {
    if cdb.is_empty() || cdb.len() > MAX_CDB_LEN {
        return Err(AhsError::BadCdb);
    }
    match cdb.split_first_chunk::<16>() {
        Some((first, rest)) => Ok((*first, rest)),
        None => {
            let mut first = [0; 16];
            for (to, from) in first.iter_mut().zip(cdb) {
                *to = *from;
            }
            Ok((first, &[]))
        }
    }
}

/// Bytes of an AHS before the CDB or length it carries: AHSLength, AHSType and a reserved byte.
const AHS_HEAD: usize = 4;

/// Longest CDB that fits a SCSI Command PDU, in bytes: 16 in the header, and all 255 words of AHS
/// but the head of one (sections 11.2.1.5 and 11.2.2.3). SPC's own limit of 260 is well below.
pub const MAX_CDB_LEN: usize = 16 + 255 * 4 - AHS_HEAD;

/// AHSType of [`Ahs::ExtendedCdb`], section 11.2.2.1.
const EXTENDED_CDB: u8 = 1;

/// AHSType of [`Ahs::BidiReadLen`], section 11.2.2.1.
const BIDI_READ_LEN: u8 = 2;

#[cfg(test)]
mod tests;
