// SPDX-License-Identifier: GPL-2.0

//! Whether any device has been asked to make trouble: to have bad blocks, or to fail on purpose.
//!
//! Both can be asked for while devices are on. So there is one flag for all of it and all devices,
//! which is all that an I/O looks at as long as nobody has.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// Never reset.
static ASKED_FOR: Atomic<bool> = Atomic::new(false);

/// Whether any device has been asked to make trouble.
#[inline(always)]
pub(crate) fn is_possible() -> bool {
    ASKED_FOR.load(Relaxed)
}

/// Makes the devices look.
pub(crate) fn ask_for() {
    ASKED_FOR.store(true, Relaxed);
}

/// The flag that [`ask_for`] sets.
#[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
pub(crate) fn flag() -> &'static Atomic<bool> {
    &ASKED_FOR
}
