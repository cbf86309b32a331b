// SPDX-License-Identifier: GPL-2.0

//! Texts for operators, in fixed memory.

use core::fmt::{
    self,
    Write, //
};

/// The longest text in bytes; what is longer is cut.
const MAX_BYTES: usize = 240;

/// One sentence.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Text {
    /// No text.
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; MAX_BYTES],
            len: 0,
        }
    }

    /// Adds to the text.
    pub(crate) fn append(&mut self, text: fmt::Arguments<'_>) {
        // Writing never fails: what does not fit is left out.
        let _ = self.write_fmt(text);
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or(&[]);
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            // Cut inside a character.
            Err(error) => bytes
                .get(..error.valid_up_to())
                .and_then(|valid| core::str::from_utf8(valid).ok())
                .unwrap_or(""),
        }
    }

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(room) = self.bytes.get_mut(self.len..) else {
            return Ok(());
        };
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.len = (self.len + text.len()).min(MAX_BYTES);
        Ok(())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
