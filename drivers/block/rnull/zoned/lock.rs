// SPDX-License-Identifier: GPL-2.0

//! The lock of a zone.

use kernel::{
    new_mutex, new_spinlock_irq,
    prelude::*,
    sync::{
        Mutex,
        MutexGuard,
        SpinLockIrq,
        SpinLockIrqGuard, //
    },
};

/// The kind of lock. All zones of a device have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// A spinlock, for devices that store no data. Interrupts of the CPU are off while it is held.
    Spinning,
    /// A mutex, for devices that store data. The holder may sleep, so it can hold the lock while it
    /// transfers data. Then the data that is read agrees with the write pointer.
    Sleeping,
}

/// The lock of a zone. [`Locking`] selects one of two.
#[pin_data]
pub(super) struct ZoneLock {
    locking: Locking,
    #[pin]
    spinning: SpinLockIrq<()>,
    #[pin]
    sleeping: Mutex<()>,
}

/// The guard of a zone's lock. Dropping it unlocks the zone.
pub(super) enum Guard<'a> {
    Spinning(#[expect(dead_code)] SpinLockIrqGuard<'a, ()>),
    Sleeping(#[expect(dead_code)] MutexGuard<'a, ()>),
}

impl ZoneLock {
    pub(super) fn new(locking: Locking) -> impl PinInit<Self> {
        pin_init!(Self {
            locking,
            spinning <- new_spinlock_irq!((), "rnull zone"),
            sleeping <- new_mutex!((), "rnull zone"),
        })
    }

    /// Locks the zone. May sleep with [`Locking::Sleeping`].
    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        match self.locking {
            Locking::Spinning => Guard::Spinning(self.spinning.lock()),
            Locking::Sleeping => Guard::Sleeping(self.sleeping.lock()),
        }
    }

    /// Returns whether a read holds the lock while it transfers data.
    #[inline]
    pub(super) fn covers_data(&self) -> bool {
        self.locking == Locking::Sleeping
    }
}
