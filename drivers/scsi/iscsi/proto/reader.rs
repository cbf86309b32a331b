// SPDX-License-Identifier: GPL-2.0

//! One way to read received bytes: in order, and never past their end.

/// Reads a slice from front to back.
///
/// Every call names what it wanted, so that the error does too. A failed call takes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Why received bytes cannot be read as what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The bytes end inside the named thing.
    Missing(&'static str),
    /// Bytes are left over behind the named thing.
    Trailing(&'static str),
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes the next `len` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if fewer are left.
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], ReadError> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(ReadError::Missing(what)),
        }
    }

    /// Takes the next `N` bytes by value.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if fewer are left.
    pub fn take_array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ReadError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(ReadError::Missing(what)),
        }
    }

    /// Takes the next `len` bytes as a reader of their own.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if fewer are left.
    pub fn sub(&mut self, len: usize, what: &'static str) -> Result<Reader<'a>, ReadError> {
        self.take(len, what).map(Reader::new)
    }

    /// Takes one byte.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if none is left.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, ReadError> {
        self.take_array(what).map(u8::from_be_bytes)
    }

    /// Takes a 16-bit integer in network byte order.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if fewer than 2 bytes are left.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, ReadError> {
        self.take_array(what).map(u16::from_be_bytes)
    }

    /// Takes a 32-bit integer in network byte order.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] if fewer than 4 bytes are left.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, ReadError> {
        self.take_array(what).map(u32::from_be_bytes)
    }

    /// The bytes not yet taken.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything is taken.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading: nothing may be left.
    ///
    /// # Errors
    ///
    /// [`ReadError::Trailing`] if something is.
    pub const fn all(self, what: &'static str) -> Result<(), ReadError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ReadError::Trailing(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_in_order_and_in_network_byte_order() {
        let mut r = Reader::new(&[1, 0, 2, 0, 0, 0, 3, 9, 8, 7]);
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u16("b"), Ok(2));
        assert_eq!(r.u32("c"), Ok(3));
        assert_eq!(r.take(2, "d"), Ok(&[9u8, 8][..]));
        assert_eq!(r.rest(), &[7]);
        assert_eq!(r.u8("e"), Ok(7));
        assert!(r.is_empty());
        assert_eq!(r.all("f"), Ok(()));
    }

    #[test]
    fn names_what_is_missing_and_takes_nothing_then() {
        let mut r = Reader::new(&[1, 2, 3]);
        assert_eq!(r.u32("length"), Err(ReadError::Missing("length")));
        assert_eq!(r.take(usize::MAX, "body"), Err(ReadError::Missing("body")));
        assert!(matches!(r.sub(4, "list"), Err(ReadError::Missing("list"))));
        assert_eq!(r.take_array::<3>("all"), Ok([1, 2, 3]));
        assert_eq!(r.u8("more"), Err(ReadError::Missing("more")));
    }

    #[test]
    fn refuses_trailing_bytes() {
        let mut r = Reader::new(&[1, 2, 3]);
        let mut inner = r.sub(2, "pair").unwrap();
        assert_eq!(inner.u8("first"), Ok(1));
        assert_eq!(inner.all("pair"), Err(ReadError::Trailing("pair")));
        assert_eq!(r.rest(), &[3]);
    }
}
