// SPDX-License-Identifier: GPL-2.0

//! Writes: a target that looks at each Data-Out PDU, RFC 7143 sections 4.2.5.2, 11.7 and 11.8.

use std::collections::VecDeque;

use iscsi_proto::proto::{
    data_out::{
        DataOutPiece,
        ImmediateData,
        InitialR2t,
        R2tError,
        R2tRing,
        TransferLimits,
        WritePlan,
        MAX_REPEATS, //
    },
    pdu::{
        DataOut,
        Itt,
        Lun,
        R2t,
        Ttt, //
    },
    sn::{
        CmdSn,
        R2tSn,
        StatSn, //
    }, //
};

use crate::input::Input;

/// R2Ts of one task at a time, as in the module.
const RING: usize = 8;

/// As many PDUs of an unsolicited burst are looked at. With segments of fewer than 512 bytes, which
/// section 13.12 does not allow, there could be millions.
const LONGEST_BURST: u32 = 1000;

/// The unit that is written to.
const LUN: Lun = Lun([0, 3, 0, 0, 0, 0, 0, 0]);

/// A sequence of Data-Out PDUs that the target waits for.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    ttt: Option<Ttt>,
    next: u32,
    end: u32,
    data_sn: u32,
}

/// One write, with both ends of it.
#[derive(Clone, Debug)]
pub struct Write {
    limits: TransferLimits,
    expected: u32,
    ring: R2tRing<RING>,
    /// What the target waits for, in the order in which it asked.
    waiting: VecDeque<Sequence>,
    /// What arrived: from where, to where.
    arrived: Vec<(u32, u32)>,
    /// Where the data begin that were neither sent unasked nor asked for.
    unasked: u32,
    r2ts: u32,
    repeats: u16,
}

impl Write {
    /// Sends a command of `expected` bytes, and what goes with it unasked.
    pub fn new(limits: TransferLimits, expected: u32) -> Self {
        let plan = WritePlan::new(&limits, expected);
        let mut write = Self {
            limits,
            expected,
            ring: R2tRing::new(&limits, expected, &plan),
            waiting: VecDeque::new(),
            arrived: Vec::new(),
            unasked: 0,
            r2ts: 0,
            repeats: 0,
        };
        write.take_unasked(&plan);
        write
    }

    /// Sections 4.2.5.2 and 11.3.4: what goes unasked, and how much of it at most.
    fn take_unasked(&mut self, plan: &WritePlan) {
        let limits = self.limits;
        let immediate = plan.immediate().get();
        if limits.immediate_data == ImmediateData::Refused {
            assert_eq!(immediate, 0);
        }
        assert!(immediate <= limits.max_send_segment.max(4));
        if immediate != 0 {
            self.arrived.push((0, immediate));
        }
        let mut end = immediate;
        match plan.unsolicited() {
            None => assert!(plan.command_is_final()),
            Some(mut burst) => {
                assert!(!plan.command_is_final());
                assert_eq!(limits.initial_r2t, InitialR2t::NotRequired);
                end += burst.remaining();
                self.waiting.push_back(Sequence {
                    ttt: None,
                    next: immediate,
                    end,
                    data_sn: 0,
                });
                for _ in 0..LONGEST_BURST {
                    let Some(piece) = burst.poll(limits.max_send_segment) else {
                        assert!(
                            self.waiting.is_empty(),
                            "the burst ends before its last PDU"
                        );
                        break;
                    };
                    self.take(&piece, limits.max_send_segment);
                }
                self.waiting.clear();
            }
        }
        assert!(end <= limits.first_burst, "{end} bytes unasked");
        assert!(end <= self.expected);
        assert_eq!(end, plan.first_solicited());
        self.unasked = end;
    }

    /// The target's look at one Data-Out PDU.
    fn take(&mut self, piece: &DataOutPiece, max_len: u32) {
        let itt = Itt::new(7).expect("a tag");
        let header = piece.header(itt, StatSn::new(9));
        assert_eq!(DataOut::parse(&header.to_bytes()), Ok(header));
        assert_eq!((header.itt, header.exp_stat_sn), (itt, StatSn::new(9)));

        let sequence = self.waiting.front_mut().expect("a sequence is open");
        let len = header.data_len.get();
        assert_ne!(len, 0);
        assert!(len <= max_len.max(4), "MaxRecvDataSegmentLength");
        assert_eq!(header.ttt, sequence.ttt, "R2Ts are answered in their order");
        assert_eq!(
            header.lun,
            if sequence.ttt.is_some() {
                LUN
            } else {
                Lun::ZERO
            }
        );
        assert_eq!(header.buffer_offset, sequence.next, "DataPDUInOrder");
        assert_eq!(header.data_sn.get(), sequence.data_sn);
        sequence.next += len;
        sequence.data_sn += 1;
        assert!(sequence.next <= sequence.end, "more than asked for");
        assert_eq!(header.is_final, sequence.next == sequence.end, "F bit");
        assert!(
            header.is_final || len % 4 == 0,
            "section 11.7.7: whole words"
        );
        let (from, to) = (header.buffer_offset, sequence.next);
        if header.is_final {
            self.waiting.pop_front();
        }
        self.arrived.push((from, to));
    }

    /// The target asks for data. The initiator takes the R2T if sections 11.8 and 13.17 allow it,
    /// and else refuses it and forgets it.
    pub fn ask(&mut self, r2t_sn: u32, offset: u32, len: u32) -> Result<(), R2tError> {
        let ttt = Ttt::new(r2t_sn & 0x7fff_ffff).expect("a tag");
        let r2t = R2t {
            lun: LUN,
            itt: Itt::new(7).expect("a tag"),
            ttt,
            stat_sn: StatSn::new(0),
            exp_cmd_sn: CmdSn::new(0),
            max_cmd_sn: CmdSn::new(0),
            r2t_sn: R2tSn::new(r2t_sn),
            buffer_offset: offset,
            desired_len: len,
        };
        let before = self.ring;
        let said = self.ring.accept(&r2t);
        assert_eq!(said.is_ok(), self.is_legal(&r2t), "{said:?} to {r2t:?}");
        if said.is_err() {
            assert_eq!(self.ring, before, "a refused R2T changes nothing");
            return said;
        }
        if offset < self.unasked {
            self.repeats += 1;
        }
        self.r2ts += 1;
        self.unasked = self.unasked.max(offset + len);
        self.waiting.push_back(Sequence {
            ttt: Some(ttt),
            next: offset,
            end: offset + len,
            data_sn: 0,
        });
        self.is_current();
        said
    }

    fn is_legal(&self, r2t: &R2t) -> bool {
        let end = u64::from(r2t.buffer_offset) + u64::from(r2t.desired_len);
        let limit = RING.min(self.limits.max_outstanding_r2t.into());
        r2t.r2t_sn.get() == self.r2ts
            && (1..=self.limits.max_burst).contains(&r2t.desired_len)
            && end <= u64::from(self.expected)
            && r2t.buffer_offset <= self.unasked
            && (r2t.buffer_offset == self.unasked || self.repeats < MAX_REPEATS)
            && self.waiting.len() < limit
    }

    /// The initiator sends one Data-Out PDU, if it has one to send.
    pub fn send(&mut self, max_len: u32) {
        match self.ring.poll(max_len) {
            Some(piece) => self.take(&piece, max_len),
            None => assert!(self.waiting.is_empty(), "R2Ts wait, but nothing is sent"),
        }
        self.is_current();
        assert!(self.ring.sent() <= self.unasked);
    }

    /// The sequence being sent is the first of those that wait, with as much left.
    fn is_current(&mut self) {
        let left = self.ring.current().map(|burst| burst.remaining());
        let first = self.waiting.front();
        assert_eq!(left, first.map(|sequence| sequence.end - sequence.next));
    }

    /// Bytes neither sent unasked nor asked for yet.
    pub const fn left(&self) -> u32 {
        self.expected - self.unasked
    }

    /// R2Ts not answered completely.
    pub fn outstanding(&self) -> usize {
        self.waiting.len()
    }

    /// The R2TSN due next, and where the data begin that were not asked for.
    pub const fn next(&self) -> (u32, u32) {
        (self.r2ts, self.unasked)
    }

    /// Ends a write whose data were all asked for once: each byte arrived exactly once.
    pub fn finish(mut self) {
        assert!(self.waiting.is_empty());
        assert_eq!(self.ring.sent(), self.expected);
        self.arrived.sort_unstable();
        let mut covered = 0;
        for (from, to) in self.arrived {
            assert_eq!(from, covered, "a byte is missing, or came twice");
            covered = to;
        }
        assert_eq!(covered, self.expected);
    }
}

/// What the target does next in a write that keeps to all rules.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// It asks for this many bytes more, or as many as it may, if it may.
    Ask(u32),
    /// It waits for this many PDUs.
    Wait(u8),
    /// It asks for more than it may: out of its order, too much, beyond the end, too often.
    AskWrongly(Wrong, u32),
}

/// A rule that an R2T breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Section 11.8.2.
    Number,
    /// Section 11.8.4.
    Nothing,
    /// Section 11.8.4.
    TooMuch,
    /// Section 11.8.
    BeyondEnd,
    /// Section 11.8.
    Gap,
    /// Section 13.17.
    TooMany,
}

/// A target that takes its turns, and in the end asks for whatever is left: every byte arrives
/// exactly once, whatever the order of R2Ts and data.
pub fn complete(limits: TransferLimits, expected: u32, turns: &[Turn]) {
    let mut write = Write::new(limits, expected);
    let allowed = RING.min(limits.max_outstanding_r2t.into());
    let ask = |write: &mut Write, len: u32| {
        let (sn, offset) = write.next();
        let len = len.clamp(1, limits.max_burst).min(write.left());
        if len != 0 && write.outstanding() < allowed {
            assert_eq!(write.ask(sn, offset, len), Ok(()));
        }
    };
    for turn in turns {
        match *turn {
            Turn::Ask(len) => ask(&mut write, len),
            Turn::Wait(count) => (0..count).for_each(|_| write.send(limits.max_send_segment)),
            Turn::AskWrongly(wrong, by) => ask_wrongly(&mut write, wrong, by, allowed),
        }
    }
    while write.left() != 0 || write.outstanding() != 0 {
        ask(&mut write, u32::MAX);
        write.send(limits.max_send_segment);
    }
    write.finish();
}

/// An R2T that breaks one rule is refused for that rule.
fn ask_wrongly(write: &mut Write, wrong: Wrong, by: u32, allowed: usize) {
    let (sn, offset) = write.next();
    let (left, by) = (write.left(), by.max(1));
    let room = write.outstanding() < allowed;
    let max_burst = write.limits.max_burst;
    let said = match wrong {
        Wrong::Number => write.ask(sn.wrapping_add(by), offset, 1),
        Wrong::Nothing => write.ask(sn, offset, 0),
        Wrong::TooMuch => write.ask(sn, offset, max_burst.saturating_add(by)),
        Wrong::BeyondEnd => write.ask(sn, write.expected, by.min(max_burst)),
        Wrong::Gap if left > 1 => write.ask(sn, offset + 1 + by % (left - 1), 1),
        Wrong::TooMany if left != 0 && !room => write.ask(sn, offset, 1),
        Wrong::Gap | Wrong::TooMany => return,
    };
    let reason = match said {
        Err(R2tError::OutOfOrder { .. }) => Some(Wrong::Number),
        Err(R2tError::Empty) => Some(Wrong::Nothing),
        Err(R2tError::BeyondMaxBurst { .. }) => Some(Wrong::TooMuch),
        Err(R2tError::BeyondExpectedLength { .. }) => Some(Wrong::BeyondEnd),
        Err(R2tError::Gap { .. }) => Some(Wrong::Gap),
        Err(R2tError::TooMany { .. }) => Some(Wrong::TooMany),
        Err(R2tError::TooManyRepeats) | Ok(()) => None,
    };
    assert_eq!(reason, Some(wrong));
}

/// Any limits, those of no RFC included, and any R2Ts.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let limits = TransferLimits {
        initial_r2t: input.pick(&[InitialR2t::Required, InitialR2t::NotRequired]),
        immediate_data: input.pick(&[ImmediateData::Allowed, ImmediateData::Refused]),
        first_burst: input.between(0, u32::MAX),
        max_burst: input.between(0, u32::MAX),
        max_send_segment: input.between(0, u32::MAX),
        max_recv_segment: 8192,
        max_outstanding_r2t: input.pick(&[1, 2, 3, 8, 9, 0, 65535]),
    };
    let mut write = Write::new(limits, input.between(0, u32::MAX));
    while !input.is_empty() {
        let (sn, next) = write.next();
        match input.u8() % 8 {
            0 | 1 => {
                let _ = write.ask(sn, next, input.between(0, limits.max_burst));
            }
            2 => {
                // At or before where the target is, as when it lost data.
                let offset = next - next.min(input.between(0, u32::MAX));
                let _ = write.ask(sn, offset, input.between(0, limits.max_burst));
            }
            3 => {
                let _ = write.ask(input.u32(), input.u32(), input.u32());
            }
            4 | 5 => write.send(input.u32()),
            _ => write.send(limits.max_send_segment),
        }
    }
}
