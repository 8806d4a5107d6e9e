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

/// What the holder of a zone's lock may do. It is the same for all zones of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Not sleep. This is for devices that keep no data.
    Spinning,
    /// Sleep. So the lock is held while data is moved, for which memory may have to be allocated:
    /// then the data that is read and the write pointer belong together.
    Sleeping,
}

/// The lock of a zone: one of two, by [`Locking`].
#[pin_data]
pub(super) struct ZoneLock {
    locking: Locking,
    #[pin]
    spinning: SpinLockIrq<()>,
    #[pin]
    sleeping: Mutex<()>,
}

/// The zone is locked until this is dropped.
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

    /// Locks the zone. May sleep if that is [`Locking::Sleeping`].
    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        match self.locking {
            Locking::Spinning => Guard::Spinning(self.spinning.lock()),
            Locking::Sleeping => Guard::Sleeping(self.sleeping.lock()),
        }
    }

    /// Whether the lock is held while data is moved.
    #[inline]
    pub(super) fn covers_data(&self) -> bool {
        self.locking == Locking::Sleeping
    }
}
