// SPDX-License-Identifier: GPL-2.0

//! The sending side of a connection, which other threads use as well, and its serial numbers.

use std::{
    io::{
        self,
        Write, //
    },
    net::{
        Shutdown,
        TcpStream, //
    },
    sync::{
        atomic::{
            AtomicBool,
            Ordering, //
        },
        Mutex,
        MutexGuard, //
    },
    time::{
        Duration,
        Instant, //
    },
};

use iscsi_proto::proto::pdu::{
    self,
    Bhs,
    Opcode, //
};

use crate::{
    target::Target,
    wire::{
        self,
        Damage,
        Digests, //
    }, //
};

/// Tags of a ping that has none yet: bytes 16 to 23 of a NOP-In.
const UNTAGGED_PING: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What the clocks of two sides may differ by.
const TICK: Duration = Duration::from_millis(20);

/// Commands at a time, unless the script says otherwise.
const WINDOW: u32 = 64;

/// How a PDU uses StatSN, RFC 7143 section 4.2.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// It is a status of its own.
    Takes,
    /// It shows the next one.
    Shows,
    /// The field is reserved.
    Absent,
}

/// A PDU to send. Its serial numbers and DataSegmentLength are filled in when it goes.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    /// The header.
    pub(crate) bhs: Bhs,
    /// The data segment.
    pub(crate) data: Vec<u8>,
    /// Its use of StatSN.
    pub(crate) number: Number,
    /// What is wrong with its digests.
    pub(crate) damage: Damage,
    /// Another DataSegmentLength than the real one.
    pub(crate) claims: Option<u32>,
    /// Added to StatSN before it is used.
    pub(crate) jump: i32,
    /// Another MaxCmdSN: so much above ExpCmdSN, or below.
    pub(crate) window: Option<i32>,
    /// Sends only the first half, and closes the connection.
    pub(crate) half: bool,
}

impl Out {
    /// A PDU without a fault.
    pub(crate) fn new(bhs: Bhs, data: Vec<u8>, number: Number) -> Self {
        Self {
            bhs,
            data,
            number,
            damage: Damage::None,
            claims: None,
            jump: 0,
            window: None,
            half: false,
        }
    }

    /// What kind it is.
    pub(crate) fn opcode(&self) -> Opcode {
        pdu::opcode(&self.bhs)
    }
}

/// A command whose answer waits.
#[derive(Debug)]
pub(crate) struct Held {
    /// The command.
    pub(crate) itt: u32,
    /// Its logical unit.
    pub(crate) lun: u64,
    /// Its number.
    pub(crate) cmd_sn: u32,
    /// The answer.
    pub(crate) outs: Vec<Out>,
}

#[derive(Debug)]
struct State {
    digests: Digests,
    stat_sn: u32,
    exp_cmd_sn: u32,
    max_cmd_sn: u32,
    window: u32,
    frozen: bool,
    dribble: bool,
    /// Answers are kept until no request is left, and then sent together.
    bundle: bool,
    /// The pause behind each byte, in the login phase.
    trickle: Option<Duration>,
    /// Bytes to be sent.
    waiting: Vec<u8>,
    held: Vec<Held>,
    /// Since when, and for how long, there is to be no other login.
    rest: Option<(Instant, Duration)>,
    /// Tags of pings that are not answered yet.
    pings: Vec<u32>,
    next_ping: u32,
}

/// The sending side of a connection.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    silent: AtomicBool,
    closed: AtomicBool,
    state: Mutex<State>,
}

impl Link {
    /// A connection in its login phase.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            silent: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            state: Mutex::new(State {
                digests: Digests::default(),
                stat_sn: 1,
                exp_cmd_sn: 0,
                max_cmd_sn: 0,
                window: WINDOW,
                frozen: false,
                dribble: false,
                bundle: false,
                trickle: None,
                waiting: Vec::new(),
                held: Vec::new(),
                rest: None,
                pings: Vec::new(),
                next_ping: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with it")
    }

    /// The first request of a login has come: commands begin with this number.
    pub(crate) fn begin(&self, cmd_sn: u32, window: Option<u32>) {
        let mut state = self.state();
        state.exp_cmd_sn = cmd_sn;
        state.window = window.unwrap_or(WINDOW);
        state.max_cmd_sn = cmd_sn.wrapping_add(state.window).wrapping_sub(1);
    }

    /// The full feature phase begins.
    pub(crate) fn full_feature(&self, digests: Digests, dribble: bool, bundle: bool) {
        let mut state = self.state();
        state.digests = digests;
        state.dribble = dribble;
        state.bundle = bundle;
        state.trickle = None;
    }

    /// Sends byte by byte until the full feature phase, with a pause behind each.
    pub(crate) fn trickle(&self, pause: Duration) {
        self.state().trickle = Some(pause);
    }

    /// Sends nothing any more.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Ends the connection.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// We are about to end the connection: so many seconds have to pass until the next login, RFC 7143
    /// section 7.5. The first call counts.
    pub(crate) fn rest(&self, seconds: u32) {
        let rest = (Instant::now(), Duration::from_secs(seconds.into()));
        self.state().rest.get_or_insert(rest);
    }

    /// How much of that time is left.
    pub(crate) fn is_resting(&self) -> Option<Duration> {
        let (since, rest) = self.state().rest?;
        rest.checked_sub(since.elapsed())
            .filter(|left| *left > TICK)
    }

    /// Whether nobody has closed it.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// Takes the number of a command. The text is what is wrong with it.
    pub(crate) fn take_cmd_sn(&self, cmd_sn: u32, immediate: bool) -> Result<(), String> {
        let mut state = self.state();
        let expected = state.exp_cmd_sn;
        if cmd_sn != expected {
            return Err(format!("CmdSN {cmd_sn}, not {expected}"));
        }
        if !immediate {
            state.exp_cmd_sn = expected.wrapping_add(1);
            let max = state.max_cmd_sn;
            if max.wrapping_sub(cmd_sn) > u32::MAX / 2 {
                return Err(format!("CmdSN {cmd_sn} beyond MaxCmdSN {max}"));
            }
        }
        Ok(())
    }

    /// Looks at what the initiator acknowledges. The text is what is wrong with it.
    pub(crate) fn check_exp_stat_sn(&self, exp: u32) -> Result<(), String> {
        let next = self.state().stat_sn;
        if next.wrapping_sub(exp) > u32::MAX / 2 {
            return Err(format!("ExpStatSN {exp}, and {next} was not sent yet"));
        }
        Ok(())
    }

    /// Lets no more commands through than the initiator was told before.
    pub(crate) fn freeze(&self) {
        self.state().frozen = true;
    }

    /// Ends that.
    pub(crate) fn unfreeze(&self) {
        self.state().frozen = false;
    }

    /// As many commands at a time as without any fault.
    pub(crate) fn open(&self) {
        self.unfreeze();
        self.set_window(WINDOW);
    }

    /// Commands at a time from now on.
    pub(crate) fn set_window(&self, window: u32) {
        self.state().window = window;
    }

    /// A ping of ours was answered; false if there is none with this tag.
    pub(crate) fn ping_answered(&self, tag: u32) -> bool {
        let mut state = self.state();
        let index = state.pings.iter().position(|&ping| ping == tag);
        index.map(|index| state.pings.swap_remove(index)).is_some()
    }

    /// Keeps an answer back.
    pub(crate) fn hold(&self, held: Held) {
        self.state().held.push(held);
    }

    /// How many answers are held back.
    pub(crate) fn held(&self) -> usize {
        self.state().held.len()
    }

    /// Takes the answers out that are held back and wanted.
    pub(crate) fn take_held(&self, wanted: impl Fn(&Held) -> bool) -> Vec<Held> {
        let mut state = self.state();
        let (taken, left) = std::mem::take(&mut state.held)
            .into_iter()
            .partition(wanted);
        state.held = left;
        taken
    }

    /// Sends the answers that are held back.
    pub(crate) fn release(&self, target: &Target) {
        for held in self.take_held(|_| true) {
            // Whose connection ends meanwhile gets no answer.
            let _ = self.send_all(target, held.outs);
        }
    }

    /// Sends PDUs, together, and says so.
    pub(crate) fn send_all(&self, target: &Target, outs: Vec<Out>) -> io::Result<()> {
        if self.silent.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The lock keeps the PDUs of other threads apart.
        let mut state = self.state();
        for mut out in outs {
            if out.opcode() != Opcode::DATA_IN || out.number == Number::Takes {
                let tag = u32::from_be_bytes([out.bhs[16], out.bhs[17], out.bhs[18], out.bhs[19]]);
                let len = out.data.len();
                target.log(format_args!("  > {} {tag:#x}, {len} bytes", out.opcode()));
            }
            let bytes = state.finish(&mut out);
            if out.half {
                let half = bytes.get(..bytes.len() / 2).unwrap_or(&[]);
                state.waiting.extend_from_slice(half);
                state.send_waiting(&self.stream)?;
                self.close();
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            state.waiting.extend_from_slice(&bytes);
            if state.dribble {
                state.send_waiting(&self.stream)?;
            }
        }
        if state.bundle {
            return Ok(());
        }
        state.send_waiting(&self.stream)
    }

    /// Sends what was kept to be sent together.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.state().send_waiting(&self.stream)
    }
}

impl State {
    /// A tag for a ping of ours.
    fn new_ping(&mut self) -> u32 {
        self.next_ping = self.next_ping.wrapping_add(1) & 0xffff;
        self.pings.push(self.next_ping);
        self.next_ping
    }

    /// Sends what waits.
    fn send_waiting(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.waiting);
        if let Some(pause) = self.trickle {
            for byte in bytes {
                stream.write_all(&[byte])?;
                std::thread::sleep(pause);
            }
            return Ok(());
        }
        if self.dribble {
            return dribble(stream, &bytes);
        }
        stream.write_all(&bytes)
    }

    /// Fills in the numbers, and makes bytes of a PDU.
    fn finish(&mut self, out: &mut Out) -> Vec<u8> {
        if out.opcode() == Opcode::NOP_IN && out.bhs[16..24] == UNTAGGED_PING {
            let tag = self.new_ping();
            out.bhs[20..24].copy_from_slice(&tag.to_be_bytes());
        }
        if !self.frozen {
            let max = self.exp_cmd_sn.wrapping_add(self.window).wrapping_sub(1);
            // It never goes back, RFC 7143 section 4.2.2.1.
            if max.wrapping_sub(self.max_cmd_sn) < u32::MAX / 2 {
                self.max_cmd_sn = max;
            }
        }
        let max = match out.window {
            Some(window) => self.exp_cmd_sn.wrapping_add_signed(window),
            None => self.max_cmd_sn,
        };
        out.bhs[28..32].copy_from_slice(&self.exp_cmd_sn.to_be_bytes());
        out.bhs[32..36].copy_from_slice(&max.to_be_bytes());
        self.stat_sn = self.stat_sn.wrapping_add_signed(out.jump);
        if out.number != Number::Absent {
            out.bhs[24..28].copy_from_slice(&self.stat_sn.to_be_bytes());
        }
        if out.number == Number::Takes {
            self.stat_sn = self.stat_sn.wrapping_add(1);
        }
        let len = out.claims.unwrap_or(out.data.len() as u32);
        out.bhs[5..8].copy_from_slice(&len.to_be_bytes()[1..]);
        wire::bytes(&out.bhs, &out.data, self.digests, out.damage)
    }
}

/// Sends in many packets: the header byte by byte, the rest in pieces of odd sizes.
fn dribble(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let (head, mut rest) = bytes.split_at(bytes.len().min(pdu::BHS_LEN + 9));
    for byte in head {
        stream.write_all(std::slice::from_ref(byte))?;
    }
    let mut len = 1;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.len().min(len));
        stream.write_all(piece)?;
        rest = more;
        len = len * 3 % 4093;
    }
    Ok(())
}
