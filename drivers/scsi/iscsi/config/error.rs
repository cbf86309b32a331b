// SPDX-License-Identifier: GPL-2.0

//! Why the configuration cannot be changed like that.

use super::ParamError;
use core::fmt;
use kernel::alloc::AllocError;

/// Why a change was refused; nothing is changed then. `Display` is the sentence for the user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConfigError {
    /// An equal entry is there.
    Exists,
    /// There is nothing of the kind.
    NotFound,
    /// So many are enough: the limit.
    TooMany(usize),
    /// A login parameter cannot be set so.
    Param(ParamError),
    /// No memory.
    NoMemory,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("already configured"),
            Self::NotFound => f.write_str("not found"),
            Self::TooMany(limit) => {
                write!(f, "too many, the limit is {limit}: remove some first")
            }
            Self::Param(error) => error.fmt(f),
            Self::NoMemory => f.write_str("insufficient memory"),
        }
    }
}

impl From<AllocError> for ConfigError {
    fn from(_: AllocError) -> Self {
        Self::NoMemory
    }
}

impl From<ParamError> for ConfigError {
    fn from(error: ParamError) -> Self {
        Self::Param(error)
    }
}
