// SPDX-License-Identifier: GPL-2.0

//! The gate: one flag for bad blocks, fault injection and statistics of all devices.
//!
//! All of these can be requested while devices are on. Until a user does so, an I/O tests only this
//! flag.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// Never cleared.
static OPEN: Atomic<bool> = Atomic::new(false);

/// Returns whether a user has requested bad blocks, faults or statistics of any device.
#[inline(always)]
pub(crate) fn is_open() -> bool {
    OPEN.load(Relaxed)
}

/// Opens the gate. From now on, each device tests its own bad blocks, faults and statistics.
pub(crate) fn open() {
    OPEN.store(true, Relaxed);
}

/// Returns the flag, for the fault injection attributes to set.
#[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
pub(crate) fn flag() -> &'static Atomic<bool> {
    &OPEN
}
