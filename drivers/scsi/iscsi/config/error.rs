// SPDX-License-Identifier: GPL-2.0

//! Why the configuration cannot be changed like that.

use super::ParamError;
use kernel::alloc::AllocError;

/// Why a change was refused; nothing is changed then.
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
