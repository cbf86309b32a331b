// SPDX-License-Identifier: GPL-2.0

//! A connection: a socket with what was agreed about it at login.

use super::words::Words;
use crate::{
    config::limits::{
        MAX_OUTSTANDING_R2T,
        MAX_TIME_TO_WAIT_S, //
    },
    linux::{
        clock::Tick,
        socket::{
            SockAddr,
            Socket, //
        }, //
    },
    proto::{
        data_out::{
            ImmediateData,
            InitialR2t,
            TransferLimits, //
        },
        negotiate::Negotiated,
        pdu::{
            Cid,
            Digest,
            NopIn,
            RejectReason, //
        },
        sn::{
            StatSn,
            StatSnOrder,
            StatSnTracker, //
        },
        violation::Violation,
    },
};
use core::fmt;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        SpinLock, //
    },
};

/// Why a connection came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConnectionError {
    /// The transport: what the socket said.
    Transport(Error),
    /// The target has closed the connection.
    ClosedByTarget,
    /// A header digest was wrong, RFC 7143 section 7.8.
    HeaderDigest,
    /// A data digest was wrong, RFC 7143 section 7.8.
    DataDigest,
    /// The target broke a rule of the protocol.
    Protocol(Violation),
    /// A bug of ours: what cannot be.
    Internal(&'static str),
    /// The target did not answer a NOP-Out in time.
    NopTimeout,
    /// The target did not answer a task management request in time.
    ManagementTimeout,
    /// The target rejected a PDU, RFC 7143 section 11.17.
    Rejected(RejectReason),
    /// The target asked for it with an asynchronous message, RFC 7143 section 11.9.1.
    AskedByTarget,
    /// A reset of the target dropped it.
    Reset,
    /// The session is being removed, and the target keeps a command that its disks wait for.
    RemovalTimeout,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => write!(f, "connection lost: {}", Words(*error)),
            Self::ClosedByTarget => f.write_str("connection closed by the target"),
            Self::HeaderDigest => f.write_str("wrong header digest received"),
            Self::DataDigest => f.write_str("wrong data digest received"),
            Self::Protocol(violation) => write!(f, "protocol error of the target: {violation}"),
            Self::Internal(what) => write!(f, "internal error: {what}"),
            Self::NopTimeout => f.write_str("target does not answer pings"),
            Self::ManagementTimeout => {
                f.write_str("target does not answer a task management request")
            }
            Self::Rejected(reason) => write!(f, "target rejected a PDU: {reason}"),
            Self::AskedByTarget => f.write_str("target asked to end the connection"),
            Self::Reset => f.write_str("connection dropped by a target reset"),
            Self::RemovalTimeout => {
                f.write_str("target keeps a command while its disks are removed")
            }
        }
    }
}

impl From<Violation> for ConnectionError {
    fn from(violation: Violation) -> Self {
        Self::Protocol(violation)
    }
}

impl ConnectionError {
    /// Whether it is the target's protocol that failed (T14) rather than the transport (T15).
    pub(super) fn is_protocol(&self) -> bool {
        matches!(
            self,
            Self::HeaderDigest | Self::DataDigest | Self::Protocol(_) | Self::Rejected(_)
        )
    }
}

/// Answers to pings of the target that wait to be sent. More than this many at a time is not a
/// target that wants to know whether we live.
const MAX_PINGS: usize = 32;

/// Pings of the target, first come first.
struct Pings {
    waiting: [Option<NopIn>; MAX_PINGS],
    first: usize,
    count: usize,
}

/// What RX and TX share, under one lock.
struct Shared {
    pings: Pings,
    /// The first reason to end; later ones follow from it.
    error: Option<ConnectionError>,
}

/// The part of what was agreed that the transfer of data needs.
fn transfer_limits(agreed: &Negotiated) -> TransferLimits {
    TransferLimits {
        initial_r2t: if agreed.initial_r2t {
            InitialR2t::Required
        } else {
            InitialR2t::NotRequired
        },
        immediate_data: if agreed.immediate_data {
            ImmediateData::Allowed
        } else {
            ImmediateData::Refused
        },
        first_burst: agreed.first_burst_length,
        max_burst: agreed.max_burst_length,
        max_send_segment: agreed.target_max_recv_data_segment_length,
        max_recv_segment: agreed.max_recv_data_segment_length,
        max_outstanding_r2t: agreed
            .max_outstanding_r2t
            .min(u32::from(MAX_OUTSTANDING_R2T)) as u16,
    }
}

/// A connection in its full feature phase.
///
/// Made by the login, shared by the TX and RX threads, ended by [`Connection::fail`] from whichever
/// side sees trouble first.
#[pin_data]
pub(crate) struct Connection {
    pub(super) socket: Arc<Socket>,
    pub(crate) cid: Cid,
    pub(crate) peer: SockAddr,
    pub(crate) local: SockAddr,
    pub(crate) negotiated: Negotiated,
    pub(super) limits: TransferLimits,
    pub(super) header_digest: Digest,
    pub(super) data_digest: Digest,
    /// Bytes of PDUs sent and received.
    pub(super) sent_bytes: Atomic<i64>,
    pub(super) received_bytes: Atomic<i64>,
    /// The StatSN due next, written by whoever receives; TX acknowledges what stands before it.
    exp_stat_sn: Atomic<u32>,
    last_received: Tick,
    /// Seconds that have to pass between the end of the connection and the next login: what was
    /// negotiated, until the target says something else, RFC 7143 section 7.5.
    time2wait: Atomic<u32>,
    /// 1 when there is an error.
    failed: Atomic<i32>,
    /// 1 while pings may be waiting.
    pinged: Atomic<i32>,
    /// 1 once data have come with a wrong digest.
    damaged: Atomic<i32>,
    /// 1 while a submitter sends, rather than the TX thread.
    submitter: Atomic<i32>,
    #[pin]
    shared: SpinLock<Shared>,
}

impl Connection {
    /// A connection that has logged in, with the statuses that came until then.
    pub(super) fn new(
        socket: Arc<Socket>,
        cid: Cid,
        peer: SockAddr,
        negotiated: Negotiated,
        statuses: StatSnTracker,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            local: socket.local_addr()?,
            socket,
            cid,
            peer,
            limits: transfer_limits(&negotiated),
            header_digest: negotiated.header_digest,
            data_digest: negotiated.data_digest,
            negotiated,
            sent_bytes: Atomic::new(0),
            received_bytes: Atomic::new(0),
            exp_stat_sn: Atomic::new(statuses.expected().get()),
            last_received: Tick::now(),
            time2wait: Atomic::new(negotiated.default_time2wait),
            failed: Atomic::new(0),
            pinged: Atomic::new(0),
            damaged: Atomic::new(0),
            submitter: Atomic::new(0),
            shared <- new_spinlock!(
                Shared {
                    pings: Pings {
                        waiting: [None; MAX_PINGS],
                        first: 0,
                        count: 0,
                    },
                    error: None,
                },
                "Connection::shared"
            ),
        })
    }

    /// Ends the connection: notes the reason, if it is the first, and shuts the socket down, so that
    /// both threads come to their end.
    ///
    /// # Context
    ///
    /// May sleep shortly for the lock of the socket.
    pub(super) fn fail(&self, error: ConnectionError) {
        {
            let mut shared = self.shared.lock();
            if shared.error.is_none() {
                shared.error = Some(error);
            }
            // Pairs with the Acquire in `error`.
            self.failed.store(1, Release);
        }
        self.socket.shutdown();
    }

    /// Why the connection ended, if it has.
    pub(super) fn error(&self) -> Option<ConnectionError> {
        if self.failed.load(Acquire) == 0 {
            return None;
        }
        self.shared.lock().error
    }

    /// Calls `f` as a submitter that sends, who holds `Session::sending`.
    pub(super) fn as_submitter<R>(&self, f: impl FnOnce() -> R) -> R {
        // Relaxed, as only the thread that writes it needs to see it.
        self.submitter.store(1, Relaxed);
        let result = f();
        self.submitter.store(0, Relaxed);
        result
    }

    /// Whether a submitter sends; of use to itself.
    pub(super) fn has_submitter(&self) -> bool {
        self.submitter.load(Relaxed) != 0
    }

    /// The StatSN to acknowledge, RFC 7143 section 4.2.2.2.
    pub(super) fn exp_stat_sn(&self) -> StatSn {
        StatSn::new(self.exp_stat_sn.load(Relaxed))
    }

    /// Takes the StatSN of a PDU that carries a status of its own.
    ///
    /// # Context
    ///
    /// Whoever receives; there is one at a time.
    pub(super) fn accept_stat_sn(&self, sn: StatSn) -> StatSnOrder {
        let mut tracker = StatSnTracker::expecting(self.exp_stat_sn());
        let order = tracker.accept(sn);
        // Relaxed, as nothing but the number itself is told by it.
        self.exp_stat_sn.store(tracker.expected().get(), Relaxed);
        order
    }

    /// Seconds that have to pass between the end of the connection and the next login.
    pub(super) fn time_to_wait(&self) -> u32 {
        self.time2wait.load(Relaxed)
    }

    /// The target says how long that is.
    pub(super) fn set_time_to_wait(&self, seconds: u16) {
        let seconds = u32::from(seconds).min(MAX_TIME_TO_WAIT_S);
        // Relaxed, as an end of the connection, or an answer to its logout, follows with a signal.
        self.time2wait.store(seconds, Relaxed);
    }

    /// Notes that data have come with a wrong digest; true if they are the first.
    pub(super) fn note_damage(&self) -> bool {
        self.damaged.xchg(1, Relaxed) == 0
    }

    /// Keeps a ping of the target to be answered.
    pub(super) fn push_ping(&self, ping: NopIn) -> Result<(), ConnectionError> {
        let mut shared = self.shared.lock();
        let pings = &mut shared.pings;
        let place = (pings.first + pings.count) % MAX_PINGS;
        match pings.waiting.get_mut(place) {
            Some(slot @ None) => *slot = Some(ping),
            _ => return Err(Violation::TooManyPings { limit: MAX_PINGS }.into()),
        }
        pings.count += 1;
        self.pinged.store(1, Relaxed);
        Ok(())
    }

    /// Whether a ping of the target may be waiting.
    pub(super) fn has_pings(&self) -> bool {
        self.pinged.load(Relaxed) != 0
    }

    /// The next ping of the target to answer.
    pub(super) fn pop_ping(&self) -> Option<NopIn> {
        // A ping that is pushed just now is followed by a signal.
        if self.pinged.load(Relaxed) == 0 {
            return None;
        }
        let mut shared = self.shared.lock();
        let pings = &mut shared.pings;
        if pings.count <= 1 {
            self.pinged.store(0, Relaxed);
        }
        let ping = pings.waiting.get_mut(pings.first)?.take()?;
        pings.first = (pings.first + 1) % MAX_PINGS;
        pings.count = pings.count.saturating_sub(1);
        Some(ping)
    }

    /// Notes that something has come from the target.
    pub(super) fn touch(&self) {
        self.last_received.set();
    }

    /// How long nothing has come from the target, in milliseconds.
    pub(super) fn silent_ms(&self) -> i64 {
        self.last_received.elapsed_ms()
    }

    /// Counts bytes sent.
    pub(super) fn count_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as i64, Relaxed);
    }

    /// Counts bytes received.
    pub(super) fn count_received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as i64, Relaxed);
    }
}
