// SPDX-License-Identifier: GPL-2.0

//! Which bytes of a write go when, RFC 7143 sections 4.2.5.2, 11.7 and 11.8.
//!
//! A write is planned once: [`WritePlan::new`] says how much goes with the command, and gives the
//! unsolicited [`Burst`] that follows it, if any. From then on the target asks: each R2T goes
//! through [`R2tRing::accept`], and [`R2tRing::poll`] gives one Data-Out PDU after the other. Both
//! cut pieces to what the target takes in one PDU, and number them from 0 in each sequence.
//!
//! DataPDUInOrder and DataSequenceInOrder are always Yes: this initiator offers Yes, and Yes wins
//! (sections 13.18 and 13.19).

use core::fmt;

use crate::proto::{
    pdu::{
        DataOut,
        Itt,
        Lun,
        R2t,
        SegmentLen,
        Ttt, //
    },
    sn::{
        DataSn,
        R2tSn,
        StatSn, //
    }, //
};

/// Whether the target has to ask for every byte beyond immediate data, RFC 7143 section 13.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialR2t {
    /// InitialR2T=Yes: no unsolicited Data-Out PDUs.
    Required,
    /// InitialR2T=No: the first burst goes out unasked.
    NotRequired,
}

/// Whether data may go with the command itself, RFC 7143 section 13.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImmediateData {
    /// ImmediateData=Yes.
    Allowed,
    /// ImmediateData=No.
    Refused,
}

/// What a session negotiated about moving data. Lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// InitialR2T, section 13.10.
    pub initial_r2t: InitialR2t,
    /// ImmediateData, section 13.11.
    pub immediate_data: ImmediateData,
    /// FirstBurstLength, section 13.14: most unsolicited data of a command.
    pub first_burst: u32,
    /// MaxBurstLength, section 13.13: most data of one sequence.
    pub max_burst: u32,
    /// The target's MaxRecvDataSegmentLength, section 13.12.
    pub max_send_segment: u32,
    /// Our MaxRecvDataSegmentLength, section 13.12.
    pub max_recv_segment: u32,
    /// MaxOutstandingR2T, section 13.17.
    pub max_outstanding_r2t: u16,
}

impl TransferLimits {
    /// What holds if neither side says anything, RFC 7143 section 13.
    pub const DEFAULT: Self = Self {
        initial_r2t: InitialR2t::Required,
        immediate_data: ImmediateData::Allowed,
        first_burst: 65536,
        max_burst: 262_144,
        max_send_segment: 8192,
        max_recv_segment: 8192,
        max_outstanding_r2t: 1,
    };
}

/// What a write sends without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WritePlan {
    immediate: SegmentLen,
    unsolicited: u32,
}

impl WritePlan {
    /// Plans a write of `expected` bytes.
    ///
    /// Of what RFC 7143 section 4.2.5.2 permits, this always takes the most: as much immediate
    /// data as fits, then unsolicited PDUs up to FirstBurstLength or the end.
    pub const fn new(limits: &TransferLimits, expected: u32) -> Self {
        let burst = min(expected, limits.first_burst);
        let immediate = match limits.immediate_data {
            ImmediateData::Allowed => piece_len(burst, limits.max_send_segment),
            ImmediateData::Refused => 0,
        };
        let unsolicited = match limits.initial_r2t {
            InitialR2t::NotRequired => burst.saturating_sub(immediate),
            InitialR2t::Required => 0,
        };
        Self {
            immediate: SegmentLen::at_most(immediate),
            unsolicited,
        }
    }

    /// Bytes that go in the data segment of the command, from offset 0 on.
    pub const fn immediate(&self) -> SegmentLen {
        self.immediate
    }

    /// The F bit of the command: whether no unsolicited Data-Out PDU follows (section 11.3.1).
    pub const fn command_is_final(&self) -> bool {
        self.unsolicited == 0
    }

    /// The unsolicited Data-Out PDUs that have to follow the command.
    pub const fn unsolicited(&self) -> Option<Burst> {
        if self.unsolicited == 0 {
            return None;
        }
        Some(Burst {
            ttt: None,
            lun: Lun::ZERO,
            offset: self.immediate.get(),
            remaining: self.unsolicited,
            data_sn: DataSn::ZERO,
        })
    }

    /// Bytes sent unasked altogether: where the target's first R2T has to begin.
    pub const fn first_solicited(&self) -> u32 {
        self.immediate.get().saturating_add(self.unsolicited)
    }
}

/// One sequence of Data-Out PDUs: unsolicited, or the answer to one R2T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    ttt: Option<Ttt>,
    lun: Lun,
    offset: u32,
    remaining: u32,
    data_sn: DataSn,
}

/// One Data-Out PDU to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataOutPiece {
    /// The R2T it answers; `None` if unsolicited.
    pub ttt: Option<Ttt>,
    /// Logical unit of that R2T; 0 if unsolicited (section 11.7.4).
    pub lun: Lun,
    /// Where its data stand in the whole transfer, in bytes.
    pub offset: u32,
    /// Bytes of data, never 0.
    pub len: SegmentLen,
    /// Its number within the sequence.
    pub data_sn: DataSn,
    /// F bit: last of the sequence.
    pub is_final: bool,
}

impl Burst {
    /// The next PDU, with at most `max_len` bytes of data (the target's
    /// MaxRecvDataSegmentLength); `None` when the sequence is complete.
    ///
    /// All pieces but the last are whole words, as section 11.7.7 asks. For that, and so that a
    /// sequence always ends, a limit below 4 counts as 4; the RFC allows none below 512.
    pub fn poll(&mut self, max_len: u32) -> Option<DataOutPiece> {
        if self.remaining == 0 {
            return None;
        }
        let len = piece_len(self.remaining, max_len);
        let piece = DataOutPiece {
            ttt: self.ttt,
            lun: self.lun,
            offset: self.offset,
            len: SegmentLen::at_most(len),
            data_sn: self.data_sn,
            is_final: len == self.remaining,
        };
        // `offset + remaining` was checked against the expected length when the burst was made.
        self.offset = self.offset.saturating_add(len);
        self.remaining = self.remaining.saturating_sub(len);
        self.data_sn = self.data_sn.next();
        Some(piece)
    }

    /// Bytes not yet polled.
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Where the first byte not yet polled stands in the whole transfer, in bytes.
    pub const fn offset(&self) -> u32 {
        self.offset
    }
}

impl DataOutPiece {
    /// The header to send it with.
    pub fn header(&self, itt: Itt, exp_stat_sn: StatSn) -> DataOut {
        DataOut {
            is_final: self.is_final,
            data_len: self.len,
            lun: self.lun,
            itt,
            ttt: self.ttt,
            exp_stat_sn,
            data_sn: self.data_sn,
            buffer_offset: self.offset,
        }
    }
}

/// The R2Ts of one command: checked as they come, answered in their order (section 11.8).
///
/// Holds up to `N` that are not answered; MaxOutstandingR2T must not be negotiated higher.
///
/// NOTE: R2TSN counts from 0 for this command alone. A bidirectional command would share its
/// numbers with Data-In (section 4.2.2.4); Linux has no such commands.
///
/// # Invariants
///
/// - `len` is at most `N`, and `head` below `N` unless `N` is 0.
/// - Every burst in use lies within `expected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R2tRing<const N: usize> {
    bursts: [Burst; N],
    head: usize,
    len: usize,
    limit: usize,
    expected: u32,
    max_burst: u32,
    next_offset: u32,
    next_sn: R2tSn,
    repeats: u16,
}

/// Why an R2T is refused: one variant per broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum R2tError {
    /// R2TSN is not the next one (11.8.2).
    OutOfOrder {
        /// The number due.
        expected: R2tSn,
        /// The number received.
        got: R2tSn,
    },
    /// It asks for nothing (11.8.4).
    Empty,
    /// It asks for more than MaxBurstLength (11.8.4).
    BeyondMaxBurst {
        /// Bytes asked for.
        len: u32,
        /// MaxBurstLength.
        max: u32,
    },
    /// It asks for data behind the end of the command's (11.8).
    BeyondExpectedLength {
        /// Where the data asked for begin.
        offset: u32,
        /// Bytes asked for.
        len: u32,
        /// Bytes the command has.
        expected: u32,
    },
    /// It leaves out data that were never sent (11.8, DataSequenceInOrder).
    Gap {
        /// Where the data not yet asked for begin.
        expected: u32,
        /// Where the data asked for begin.
        got: u32,
    },
    /// More are outstanding than MaxOutstandingR2T (13.17).
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Data that were sent are asked for more than [`MAX_REPEATS`] times.
    TooManyRepeats,
}

impl fmt::Display for R2tError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfOrder { expected, got } => write!(
                f,
                "R2T with R2TSN {} instead of {}",
                got.get(),
                expected.get()
            ),
            Self::Empty => f.write_str("R2T for no data"),
            Self::BeyondMaxBurst { len, max } => {
                write!(f, "R2T for {len} bytes, MaxBurstLength is {max}")
            }
            Self::BeyondExpectedLength {
                offset,
                len,
                expected,
            } => write!(
                f,
                "R2T for {len} bytes at offset {offset} of a write of {expected} bytes"
            ),
            Self::Gap { expected, got } => write!(f, "R2T at offset {got} instead of {expected}"),
            Self::TooMany { limit } => {
                write!(f, "more R2Ts at once than MaxOutstandingR2T={limit}")
            }
            Self::TooManyRepeats => {
                write!(f, "R2T for data sent before, more than {MAX_REPEATS} times")
            }
        }
    }
}

impl<const N: usize> R2tRing<N> {
    /// Starts a command of `expected` bytes, of which `plan` sends the first unasked.
    pub const fn new(limits: &TransferLimits, expected: u32, plan: &WritePlan) -> Self {
        let max_outstanding = limits.max_outstanding_r2t as usize;
        // INVARIANT: the ring is empty.
        Self {
            bursts: [Burst {
                ttt: None,
                lun: Lun::ZERO,
                offset: 0,
                remaining: 0,
                data_sn: DataSn::ZERO,
            }; N],
            head: 0,
            len: 0,
            limit: if max_outstanding < N {
                max_outstanding
            } else {
                N
            },
            expected,
            max_burst: limits.max_burst,
            next_offset: plan.first_solicited(),
            next_sn: R2tSn::ZERO,
            repeats: 0,
        }
    }

    /// Takes a received R2T.
    ///
    /// An R2T that goes back behind data already asked for is a recovery R2T, which section 11.8
    /// allows at any time; it counts against [`MAX_REPEATS`].
    ///
    /// # Errors
    ///
    /// One [`R2tError`] per broken rule; nothing is changed then.
    pub fn accept(&mut self, r2t: &R2t) -> Result<(), R2tError> {
        let (offset, len) = (r2t.buffer_offset, r2t.desired_len);
        if r2t.r2t_sn != self.next_sn {
            return Err(R2tError::OutOfOrder {
                expected: self.next_sn,
                got: r2t.r2t_sn,
            });
        }
        if len == 0 {
            return Err(R2tError::Empty);
        }
        if len > self.max_burst {
            return Err(R2tError::BeyondMaxBurst {
                len,
                max: self.max_burst,
            });
        }
        let end = match offset.checked_add(len) {
            Some(end) if end <= self.expected => end,
            _ => {
                return Err(R2tError::BeyondExpectedLength {
                    offset,
                    len,
                    expected: self.expected,
                })
            }
        };
        if offset > self.next_offset {
            return Err(R2tError::Gap {
                expected: self.next_offset,
                got: offset,
            });
        }
        let is_repeat = offset < self.next_offset;
        if is_repeat && self.repeats >= MAX_REPEATS {
            return Err(R2tError::TooManyRepeats);
        }
        let place = self.slot(self.len).filter(|_| self.len < self.limit);
        let Some(slot) = place.and_then(|i| self.bursts.get_mut(i)) else {
            return Err(R2tError::TooMany { limit: self.limit });
        };
        // INVARIANT: the end of the burst was compared with `expected` above.
        *slot = Burst {
            ttt: Some(r2t.ttt),
            lun: r2t.lun,
            offset,
            remaining: len,
            data_sn: DataSn::ZERO,
        };
        // INVARIANT: `len` was below `limit`, which is at most `N`.
        self.len = self.len.saturating_add(1);
        self.next_sn = self.next_sn.next();
        self.next_offset = self.next_offset.max(end);
        self.repeats = self.repeats.saturating_add(is_repeat.into());
        Ok(())
    }

    /// The next Data-Out PDU, with at most `max_len` bytes of data (the target's
    /// MaxRecvDataSegmentLength); `None` while no R2T is waiting.
    ///
    /// R2Ts are answered one after the other, in the order they came (section 11.8). One stops
    /// being outstanding with its last piece, which has the F bit (section 13.17).
    pub fn poll(&mut self, max_len: u32) -> Option<DataOutPiece> {
        let current = self.head;
        let piece = self.current()?.poll(max_len)?;
        if piece.is_final {
            // INVARIANT: `slot` keeps `head` below `N`, and `len` was not 0.
            self.head = self.slot(1).unwrap_or(current);
            self.len = self.len.saturating_sub(1);
        }
        Some(piece)
    }

    /// The sequence being sent.
    pub fn current(&mut self) -> Option<&mut Burst> {
        if self.len == 0 {
            return None;
        }
        self.bursts.get_mut(self.head)
    }

    /// Bytes from the start of the transfer that are sent, once the unsolicited ones are: at least this
    /// many, and with no R2T outstanding all that were ever asked for.
    pub fn sent(&self) -> u32 {
        match self.bursts.get(self.head) {
            Some(current) if self.len != 0 => current.offset,
            _ => self.next_offset,
        }
    }

    /// The place `ahead` steps behind the head; `None` if there are no places.
    fn slot(&self, ahead: usize) -> Option<usize> {
        self.head.checked_add(ahead)?.checked_rem(N)
    }
}

/// The length of a piece of `remaining` bytes under a limit of `max_len`: all of it, or the largest
/// multiple of 4 that fits.
const fn piece_len(remaining: u32, max_len: u32) -> u32 {
    let limit = min(max_len, SegmentLen::MAX.get());
    if remaining <= limit {
        return remaining;
    }
    match limit & !3 {
        0 => min(remaining, 4),
        cut => cut,
    }
}

/// `Ord::min` for constants.
const fn min(a: u32, b: u32) -> u32 {
    if a < b {
        a
    } else {
        b
    }
}

/// How many recovery R2Ts one command answers.
///
/// Each costs the target one broken PDU; 64 of them within one command mean that the link or the
/// target is beyond repair, and without a limit a target could keep a command for ever.
pub const MAX_REPEATS: u16 = 64;

#[cfg(test)]
mod tests;
