// SPDX-License-Identifier: GPL-2.0

//! What the three state machines have in common: the shape of a transition, and enums with names.
//!
//! A machine is a pure function `next(kind, state, event)` that returns a [`Transition`]: the state
//! to be in, what the pair meant ([`Verdict`]), and the [`Actions`] the caller has to carry out, in
//! order. Nothing here stores a state; the engine keeps it private and changes it in one place.

/// What a pair of state and event meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A row of the table: the actions have to be carried out, even if the state stays.
    Taken,
    /// A pair that is known to happen and to need nothing.
    Ignored,
    /// A pair that the table calls impossible: a bug of ours, to be counted and reported, never a
    /// panic.
    Unexpected,
}

/// The answer of a machine to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition<S, A> {
    /// The state after the event. The old one for [`Verdict::Ignored`] and [`Verdict::Unexpected`].
    pub state: S,
    /// What the pair meant.
    pub verdict: Verdict,
    /// What the caller has to do now, in this order. Empty unless the verdict is
    /// [`Verdict::Taken`].
    pub actions: Actions<A>,
}

impl<S, A: Copy> Transition<S, A> {
    /// A row of the table.
    pub(super) fn go<const N: usize>(state: S, actions: [A; N]) -> Self {
        Self {
            state,
            verdict: Verdict::Taken,
            actions: Actions::from_array(actions),
        }
    }

    /// The pair needs nothing.
    pub(super) fn ignored(state: S) -> Self {
        Self {
            state,
            verdict: Verdict::Ignored,
            actions: Actions::from_array([]),
        }
    }

    /// The pair cannot happen.
    pub(super) fn unexpected(state: S) -> Self {
        Self {
            state,
            verdict: Verdict::Unexpected,
            actions: Actions::from_array([]),
        }
    }
}

/// A short ordered list of actions without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions<A> {
    slots: [Option<A>; MAX_ACTIONS],
}

impl<A: Copy> Actions<A> {
    fn from_array<const N: usize>(actions: [A; N]) -> Self {
        const {
            assert!(
                N <= MAX_ACTIONS,
                "a row has more actions than a Transition holds"
            );
        }
        let mut slots = [None; MAX_ACTIONS];
        for (slot, action) in slots.iter_mut().zip(actions) {
            *slot = Some(action);
        }
        Self { slots }
    }

    /// The actions, first one first.
    pub fn iter(&self) -> impl Iterator<Item = A> + '_ {
        self.slots.iter().copied().flatten()
    }
}

impl<A> IntoIterator for Actions<A> {
    type Item = A;
    type IntoIter = core::iter::Flatten<core::array::IntoIter<Option<A>, MAX_ACTIONS>>;

    fn into_iter(self) -> Self::IntoIter {
        self.slots.into_iter().flatten()
    }
}

/// The longest row of the three tables.
const MAX_ACTIONS: usize = 6;

/// Declares a fieldless enum with one documentation line, one name and optionally one event number
/// per variant.
///
/// It gets `ALL`, `as_str` (the name) and `number` (the number the tables use, the name again if
/// there is none), so that logs, tracepoints and tests read the same list.
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal $( / $number:literal )? ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[$vmeta])* $variant ),+
        }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),+ ];

            /// The name that logs and tracepoints print.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text ),+
                }
            }

            /// The number that the transition table uses, or the name where the table has none.
            pub const fn number(self) -> &'static str {
                match self {
                    $( Self::$variant => named_enum!(@number $text $( / $number )?) ),+
                }
            }
        }
    };
    (@number $text:literal / $number:literal) => { $number };
    (@number $text:literal) => { $text };
}
pub(super) use named_enum;
