// SPDX-License-Identifier: GPL-2.0

//! The module's own reference count.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use super::bindings;
use kernel::{
    module::this_module,
    prelude::*, //
};

/// A reference to this module: while there is one, it cannot be unloaded.
///
/// # Invariants
///
/// Stands for one reference taken by `try_module_get`.
pub(crate) struct ModuleRef(());

impl ModuleRef {
    /// Takes a reference.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the module is being unloaded.
    pub(crate) fn take() -> Result<Self> {
        let module = this_module::<crate::LocalModule>().as_ptr();
        // SAFETY: The module exists, as its code is running.
        if unsafe { bindings::iscsi_helper_try_module_get(module.cast()) } {
            // INVARIANT: Just taken.
            Ok(Self(()))
        } else {
            Err(ENODEV)
        }
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        let module = this_module::<crate::LocalModule>().as_ptr();
        // SAFETY: By the type invariant there is a reference to give back. The caller is inside a
        // call of somebody who holds the module too (a netlink request), so that this code stays.
        unsafe { bindings::iscsi_helper_module_put(module.cast()) };
    }
}
