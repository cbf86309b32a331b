// SPDX-License-Identifier: GPL-2.0

//! What a command received: Data-In PDUs in their order, residual counts, sense data.
//! RFC 7143 sections 4.2.2.4, 11.4 and 11.7.

use core::fmt;

use crate::proto::{
    data_out::TransferLimits,
    pdu::{
        DataIn,
        ScsiResponse,
        ScsiStatus,
        SegmentLen,
        ServiceResponse, //
    },
    reader::{
        ReadError,
        Reader, //
    },
    sn::DataSn, //
};

/// Follows the Data-In PDUs of one command.
///
/// Each goes through [`accept`](Self::accept), which says where its data belong; the data that
/// arrived are then always a gapless part of the transfer from its start.
///
/// NOTE: What RFC 7143 section 11.7.1 says of MaxBurstLength for input is not enforced. It costs a
/// receiver nothing if a target sends one long sequence, and some do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataInTracker {
    expected: u32,
    received: u32,
    max_segment: u32,
    next_sn: DataSn,
    ended: bool,
}

/// Where the data of a PDU belong, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From where in the whole transfer.
    pub offset: u32,
    /// How much; may be 0.
    pub len: SegmentLen,
}

/// Why a Data-In PDU is refused: one variant per broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataInError {
    /// DataSN is not the next one (11.7.5).
    OutOfOrder {
        /// The number due.
        expected: DataSn,
        /// The number received.
        got: DataSn,
    },
    /// More data than our MaxRecvDataSegmentLength (11.7.1).
    BeyondMaxSegment {
        /// Bytes in the PDU.
        len: u32,
        /// MaxRecvDataSegmentLength.
        max: u32,
    },
    /// The offset does not continue the data received (11.7.6, DataPDUInOrder).
    Gap {
        /// Where the data not yet received begin.
        expected: u32,
        /// Where the data received begin.
        got: u32,
    },
    /// The data end behind what the command expects (11.7.6).
    BeyondExpectedLength {
        /// Where the data begin.
        offset: u32,
        /// Bytes in the PDU.
        len: u32,
        /// Bytes the command expects.
        expected: u32,
    },
    /// The status was already received (11.7.3).
    AfterStatus,
}

impl fmt::Display for DataInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfOrder { expected, got } => write!(
                f,
                "Data-In with DataSN {} instead of {}",
                got.get(),
                expected.get()
            ),
            Self::BeyondMaxSegment { len, max } => {
                write!(
                    f,
                    "Data-In of {len} bytes, MaxRecvDataSegmentLength is {max}"
                )
            }
            Self::Gap { expected, got } => {
                write!(f, "Data-In at offset {got} instead of {expected}")
            }
            Self::BeyondExpectedLength {
                offset,
                len,
                expected,
            } => write!(
                f,
                "Data-In of {len} bytes at offset {offset} of a read of {expected} bytes"
            ),
            Self::AfterStatus => f.write_str("Data-In after the status of its command"),
        }
    }
}

impl DataInTracker {
    /// Starts a command that expects `expected` bytes; 0 if it reads nothing.
    pub const fn new(limits: &TransferLimits, expected: u32) -> Self {
        Self {
            expected,
            received: 0,
            max_segment: limits.max_recv_segment,
            next_sn: DataSn::ZERO,
            ended: false,
        }
    }

    /// Takes a received header and says where its data belong.
    ///
    /// # Errors
    ///
    /// One [`DataInError`] per broken rule; nothing is changed then.
    pub fn accept(&mut self, header: &DataIn) -> Result<Span, DataInError> {
        let (offset, len) = (header.buffer_offset, header.data_len.get());
        if self.ended {
            return Err(DataInError::AfterStatus);
        }
        if header.data_sn != self.next_sn {
            return Err(DataInError::OutOfOrder {
                expected: self.next_sn,
                got: header.data_sn,
            });
        }
        if len > self.max_segment {
            return Err(DataInError::BeyondMaxSegment {
                len,
                max: self.max_segment,
            });
        }
        // Without data the offset places nothing; section 11.7.7 has us take such PDUs.
        if len != 0 {
            if offset != self.received {
                return Err(DataInError::Gap {
                    expected: self.received,
                    got: offset,
                });
            }
            self.received = match offset.checked_add(len) {
                Some(end) if end <= self.expected => end,
                _ => {
                    return Err(DataInError::BeyondExpectedLength {
                        offset,
                        len,
                        expected: self.expected,
                    })
                }
            };
        }
        self.next_sn = self.next_sn.next();
        self.ended = header.has_status;
        Ok(Span {
            offset: if len == 0 { self.received } else { offset },
            len: header.data_len,
        })
    }

    /// Bytes received so far.
    pub const fn received(&self) -> u32 {
        self.received
    }

    /// Bytes the command expects.
    pub const fn expected(&self) -> u32 {
        self.expected
    }

    /// The DataSN due next, which is also the number of PDUs received.
    pub const fn next_sn(&self) -> DataSn {
        self.next_sn
    }
}

/// What the target says about the amount of data, RFC 7143 section 11.4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// As much as expected.
    None,
    /// O bit: this many bytes more than the command had room for, or had.
    Overflow(u32),
    /// U bit: this many bytes less than expected.
    Underflow(u32),
}

impl Residual {
    /// From the flags; `parse` of the header has refused both at once.
    const fn from_flags(overflow: bool, underflow: bool, count: u32) -> Self {
        match (overflow, underflow) {
            (true, _) => Self::Overflow(count),
            (false, true) => Self::Underflow(count),
            (false, false) => Self::None,
        }
    }
}

impl DataIn {
    /// SCSI status and residual; `None` if the PDU ends no command (S bit, section 11.7.3).
    pub const fn ending(&self) -> Option<(ScsiStatus, Residual)> {
        if !self.has_status {
            return None;
        }
        let residual = Residual::from_flags(self.overflow, self.underflow, self.residual_count);
        Some((self.status, residual))
    }
}

impl ScsiResponse {
    /// SCSI status and residual; `None` if the target did not complete the command, when neither
    /// means anything (section 11.4.3).
    pub fn ending(&self) -> Option<(ScsiStatus, Residual)> {
        if self.response != ServiceResponse::COMPLETED {
            return None;
        }
        let residual = Residual::from_flags(self.overflow, self.underflow, self.residual_count);
        Some((self.status, residual))
    }
}

/// How much of a transfer took place, for the layer above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Bytes not transferred, 0 ..= expected.
    pub residual: u32,
    /// Whether the target's count and ours agree.
    pub verdict: Verdict,
}

/// Whether the target's count of bytes and ours agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    Agrees,
    /// The target claims more than was moved: data are missing that it does not know of.
    Missing,
    /// The target claims less than was moved, or a residual larger than the transfer.
    Implausible,
}

/// Compares the target's residual with what was moved, RFC 7143 section 11.4.5.2.
///
/// `expected` is the Expected Data Transfer Length; `moved` is [`DataInTracker::received`] for a
/// read, [`R2tRing::sent`](crate::proto::data_out::R2tRing::sent) for a write. All in bytes.
///
/// The residual is the larger of both views, so that a byte that did not arrive is never reported
/// as transferred, whatever the target says.
pub const fn settle(expected: u32, moved: u32, residual: Residual) -> Settlement {
    let unmoved = expected.saturating_sub(moved);
    let (claimed, plausible) = match residual {
        Residual::None | Residual::Overflow(_) => (0, true),
        Residual::Underflow(count) if count > expected => (expected, false),
        Residual::Underflow(count) => (count, true),
    };
    let verdict = if claimed < unmoved {
        Verdict::Missing
    } else if claimed > unmoved || !plausible {
        Verdict::Implausible
    } else {
        Verdict::Agrees
    };
    Settlement {
        residual: if claimed > unmoved { claimed } else { unmoved },
        verdict,
    }
}

/// The data segment of a SCSI Response or Asynchronous Message, RFC 7143 sections 11.4.7 and
/// 11.9.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenseSegment<'a> {
    /// Sense data; empty if there are none.
    pub sense: &'a [u8],
    /// Response or event data; empty if there are none.
    pub rest: &'a [u8],
}

impl<'a> SenseSegment<'a> {
    /// Reads a data segment, without its padding. An empty one has neither part.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if the segment ends before SenseLength or the sense data do.
    pub fn parse(data: &'a [u8]) -> Result<Self, ReadError> {
        Self::parse_start(data, data.len())
    }

    /// Reads a data segment of `segment_len` bytes of which only the first were kept: what was
    /// dropped is cut off the sense data or what follows them.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if the segment ends before SenseLength or the sense data do.
    pub fn parse_start(kept: &'a [u8], segment_len: usize) -> Result<Self, ReadError> {
        let mut reader = Reader::new(kept);
        if segment_len == 0 {
            return Ok(Self {
                sense: &[],
                rest: &[],
            });
        }
        let len = usize::from(reader.u16("SenseLength")?);
        let dropped = segment_len.saturating_sub(kept.len());
        let rest = reader.rest();
        match rest.split_at_checked(len) {
            Some((sense, rest)) => Ok(Self { sense, rest }),
            None if len - rest.len() <= dropped => Ok(Self {
                sense: rest,
                rest: &[],
            }),
            None => Err(ReadError::Missing("sense data")),
        }
    }
}

#[cfg(test)]
mod tests;
