// SPDX-License-Identifier: GPL-2.0

//! The gate of all that fails on purpose: bad blocks and fault injection.
//!
//! Both can be asked for while devices are on. So there is one flag for both and for all devices,
//! which is all that an I/O looks at as long as nothing was asked for.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// Never reset.
static OPEN: Atomic<bool> = Atomic::new(false);

/// Whether a device has been asked to fail.
#[inline(always)]
pub(crate) fn is_open() -> bool {
    OPEN.load(Relaxed)
}

/// Makes all devices look whether they are to fail.
pub(crate) fn open() {
    OPEN.store(true, Relaxed);
}

/// The flag that [`open`] sets.
#[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
pub(crate) fn flag() -> &'static Atomic<bool> {
    &OPEN
}
