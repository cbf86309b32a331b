// SPDX-License-Identifier: GPL-2.0

//! Serial numbers, the command window and the status sequence, RFC 7143 section 4.2.2.
//!
//! Numbers wrap at 2^32 and are compared as RFC 1982 says, so none of these types has an order or
//! a subtraction: [`CmdSn::precedes`] and [`CmdSn::distance_to`] are the only comparisons.

use core::fmt;

/// Half of the number space: from here on RFC 1982 section 3.2 knows no order.
const HALF: u32 = 1 << 31;

/// Declares serial number types that cannot be mixed up.
macro_rules! serials {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(u32);

        impl $name {
            /// The first number of every data and R2T sequence.
            pub const ZERO: Self = Self(0);

            /// Takes the number as it stands on the wire.
            pub const fn new(value: u32) -> Self {
                Self(value)
            }

            /// The number as it stands on the wire.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The number that follows.
            pub const fn next(self) -> Self {
                self.add(1)
            }

            /// The number before this one.
            pub const fn prev(self) -> Self {
                Self(self.0.wrapping_sub(1))
            }

            /// The number `count` steps on. RFC 1982 section 3.1 defines this below 2^31 steps.
            pub const fn add(self, count: u32) -> Self {
                Self(self.0.wrapping_add(count))
            }

            /// Whether this number is before `other`: "less than" of RFC 1982 section 3.2.
            ///
            /// Two numbers exactly 2^31 apart have no order: neither precedes the other.
            pub const fn precedes(self, other: Self) -> bool {
                let ahead = other.0.wrapping_sub(self.0);
                0 < ahead && ahead < HALF
            }

            /// How many steps lead from here to `other`; `None` if it is not at or after this one.
            pub const fn distance_to(self, other: Self) -> Option<u32> {
                let ahead = other.0.wrapping_sub(self.0);
                if ahead < HALF {
                    Some(ahead)
                } else {
                    None
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#010x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#010x}", self.0)
            }
        }
    )* };
}

serials! {
    /// Numbers the commands of a session, RFC 7143 section 4.2.2.1.
    CmdSn;
    /// Numbers the statuses of a connection, RFC 7143 section 4.2.2.2.
    StatSn;
    /// Numbers the Data-In PDUs of a command and the Data-Out PDUs of a sequence, RFC 7143
    /// section 4.2.2.4.
    DataSn;
    /// Numbers the R2Ts of a command, RFC 7143 section 4.2.2.4.
    R2tSn;
}

/// Which commands the target is ready to take, RFC 7143 section 4.2.2.1.
///
/// One per session. A command takes its number with [`take`](Self::take); a PDU for immediate
/// delivery carries [`current`](Self::current), which does not advance. Every PDU with valid
/// ExpCmdSN and MaxCmdSN goes through [`handle_update`](Self::handle_update).
///
/// # Invariants
///
/// - `exp` does not follow `next`: what was never sent is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmdWindow {
    next: CmdSn,
    exp: CmdSn,
    max: CmdSn,
}

/// What an update of the command window changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowUpdate {
    /// Nothing: the values are old, equal, or contradict each other.
    Unchanged,
    /// More commands are acknowledged, but no more may be sent.
    Acknowledged,
    /// More commands may be sent than before: senders that wait have to be woken.
    Opened,
}

impl CmdWindow {
    /// A closed window: nothing but immediate PDUs until the target names its MaxCmdSN.
    ///
    /// `initial` is the CmdSN of the leading login, which the first command carries again
    /// (RFC 7143 section 11.12.8).
    pub const fn new(initial: CmdSn) -> Self {
        // INVARIANT: `exp` equals `next`.
        Self {
            next: initial,
            exp: initial,
            max: initial.prev(),
        }
    }

    /// Takes ExpCmdSN and MaxCmdSN of a received PDU.
    ///
    /// The rules of section 4.2.2.1 in their order: contradicting values are both ignored, each
    /// number only ever advances.
    ///
    /// NOTE: An ExpCmdSN beyond our CmdSN acknowledges commands that were never sent. The RFC does
    /// not mention it; it is ignored, and the MaxCmdSN beside it still counts.
    pub const fn handle_update(&mut self, exp: CmdSn, max: CmdSn) -> WindowUpdate {
        if max.precedes(exp.prev()) {
            return WindowUpdate::Unchanged;
        }
        let opened = self.max.precedes(max);
        if opened {
            self.max = max;
        }
        let acknowledged = self.exp.precedes(exp) && !self.next.precedes(exp);
        if acknowledged {
            // INVARIANT: checked on the line above.
            self.exp = exp;
        }
        match (opened, acknowledged) {
            (true, _) => WindowUpdate::Opened,
            (false, true) => WindowUpdate::Acknowledged,
            (false, false) => WindowUpdate::Unchanged,
        }
    }

    /// How many commands may be sent now.
    pub const fn open(&self) -> u32 {
        match self.next.distance_to(self.max.next()) {
            Some(count) => count,
            None => 0,
        }
    }

    /// Takes the number of the next command; `None` while the window is closed.
    ///
    /// The command has to be sent: the target waits for each number.
    pub const fn take(&mut self) -> Option<CmdSn> {
        if self.open() == 0 {
            return None;
        }
        let taken = self.next;
        // INVARIANT: `next` moves away from `exp`.
        self.next = taken.next();
        Some(taken)
    }

    /// The CmdSN for PDUs marked for immediate delivery; it does not advance.
    pub const fn current(&self) -> CmdSn {
        self.next
    }

    /// The first command the target has not acknowledged.
    pub const fn expected(&self) -> CmdSn {
        self.exp
    }

    /// The last command the target is ready to take.
    pub const fn max(&self) -> CmdSn {
        self.max
    }
}

/// The statuses received on a connection, RFC 7143 section 4.2.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatSnTracker {
    next: StatSn,
}

/// Where a received StatSN stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatSnOrder {
    /// The one expected.
    InOrder,
    /// One that was received before.
    Repeated,
    /// `missing` statuses before it did not arrive.
    Gap {
        /// How many statuses are missing.
        missing: u32,
    },
}

impl StatSnTracker {
    /// Starts at the StatSN of the connection's first Login Response (section 11.13.4), which is
    /// thereby received.
    pub const fn new(first: StatSn) -> Self {
        Self::expecting(first.next())
    }

    /// Goes on where somebody else has counted, such as the login: `next` is due next.
    pub const fn expecting(next: StatSn) -> Self {
        Self { next }
    }

    /// The ExpStatSN to send: everything before it is received.
    pub const fn expected(&self) -> StatSn {
        self.next
    }

    /// Takes the StatSN of a PDU that advances it; only one in order is counted as received.
    pub const fn accept(&mut self, sn: StatSn) -> StatSnOrder {
        let order = self.check(sn);
        if matches!(order, StatSnOrder::InOrder) {
            self.next = sn.next();
        }
        order
    }

    /// Judges the StatSN of a PDU that shows the next number without using it up, such as an R2T
    /// (section 11.8.3).
    pub const fn check(&self, sn: StatSn) -> StatSnOrder {
        match self.next.distance_to(sn) {
            Some(0) => StatSnOrder::InOrder,
            Some(missing) => StatSnOrder::Gap { missing },
            None => StatSnOrder::Repeated,
        }
    }
}

#[cfg(test)]
mod tests;
