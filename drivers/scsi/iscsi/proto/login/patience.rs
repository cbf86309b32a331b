// SPDX-License-Identifier: GPL-2.0

//! How long a login waits.

use core::time::Duration;

/// The times that a login has: one for each of its steps, and one for all of them. What the target
/// does during a step, like sending an answer byte by byte, makes neither of them longer.
///
/// All times are counted from the beginning of the login.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    end: Duration,
    end_of_step: Duration,
}

/// Whose time is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Late {
    /// That of the step.
    Step,
    /// That of the login.
    Login,
}

impl Patience {
    /// A login that may take so long, before its first step.
    pub const fn new(limit: Duration) -> Self {
        Self {
            end: limit,
            end_of_step: Duration::ZERO,
        }
    }

    /// A step begins that may take so long.
    pub fn handle_step(&mut self, now: Duration, limit: Duration) {
        self.end_of_step = now.saturating_add(limit);
    }

    /// How much longer the step may take.
    ///
    /// # Errors
    ///
    /// [`Late`] says whose time is over.
    pub fn left(&self, now: Duration) -> Result<Duration, Late> {
        let left = |end: Duration, late| {
            let left = end.saturating_sub(now);
            if left.is_zero() {
                Err(late)
            } else {
                Ok(left)
            }
        };
        let of_login = left(self.end, Late::Login)?;
        Ok(left(self.end_of_step, Late::Step)?.min(of_login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_step_has_its_time_whatever_comes_meanwhile() {
        let mut patience = Patience::new(s(180));
        patience.handle_step(s(1), s(60));
        assert_eq!(patience.left(s(1)), Ok(s(60)));
        assert_eq!(patience.left(s(60)), Ok(s(1)));
        assert_eq!(patience.left(s(61)), Err(Late::Step));
        assert_eq!(patience.left(s(500)), Err(Late::Login));
    }

    #[test]
    fn many_steps_have_the_time_of_the_login() {
        let mut patience = Patience::new(s(180));
        for now in [0, 59, 118] {
            patience.handle_step(s(now), s(60));
            assert_eq!(patience.left(s(now)), Ok(s(60)));
        }
        patience.handle_step(s(177), s(60));
        assert_eq!(patience.left(s(177)), Ok(s(3)));
        patience.handle_step(s(180), s(60));
        assert_eq!(patience.left(s(180)), Err(Late::Login));
    }

    #[test]
    fn times_without_end_do_not_overflow() {
        let mut patience = Patience::new(Duration::MAX);
        patience.handle_step(s(1), Duration::MAX);
        assert_eq!(patience.left(s(1)), Ok(Duration::MAX - s(1)));
    }
}
