// SPDX-License-Identifier: GPL-2.0

//! Bytes that decide what happens in a case.

/// Takes decisions out of bytes, from front to back. When they are used up all decisions are 0,
/// so that every input is a case, and a shorter one a simpler case.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes are used up.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `len` bytes, or what is left.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// Takes a byte.
    pub fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    /// Takes a 16-bit number.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// Takes a 32-bit number.
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// Takes a truth value.
    pub fn bool(&mut self) -> bool {
        self.u8() & 1 != 0
    }

    /// Takes one of several values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[usize::from(self.u8()) % values.len()]
    }

    /// Takes a number from `min` to `max`, often one of the two or of the powers of two between.
    pub fn between(&mut self, min: u32, max: u32) -> u32 {
        match self.u8() {
            0..=31 => min,
            32..=63 => max,
            kind @ 64..=127 => (1 << (kind % 32)).clamp(min, max),
            _ => match (max - min).checked_add(1) {
                Some(count) => min + self.u32() % count,
                None => self.u32(),
            },
        }
    }

    /// Takes a text of a length that comes first; what is not UTF-8 is replaced.
    pub fn text(&mut self, max_len: u16) -> String {
        let len = self.u16() % max_len.saturating_add(1).max(1);
        String::from_utf8_lossy(self.bytes(len.into())).into_owned()
    }
}
