// SPDX-License-Identifier: GPL-2.0

//! The two kinds of lock that a zone can have.

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

/// A lock of a zone. The code of a device is made for one kind of it.
pub(crate) trait ZoneLock: Send + Sync + 'static {
    /// Whether the holder may sleep, so that the lock can be held while data is moved: then what is
    /// read and the write pointer belong together.
    const COVERS_DATA: bool;

    /// What is held while the zone is locked.
    type Guard<'a>;

    /// Returns an initializer.
    fn new() -> impl PinInit<Self>
    where
        Self: Sized;

    /// Locks the zone.
    fn lock(&self) -> Self::Guard<'_>;
}

/// For devices that keep no data: nothing sleeps.
#[pin_data]
pub(crate) struct Spinning {
    #[pin]
    lock: SpinLockIrq<()>,
}

/// For devices that keep data in memory, which may have to be allocated.
#[pin_data]
pub(crate) struct Sleeping {
    #[pin]
    lock: Mutex<()>,
}

impl ZoneLock for Spinning {
    const COVERS_DATA: bool = false;

    type Guard<'a> = SpinLockIrqGuard<'a, ()>;

    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            lock <- new_spinlock_irq!((), "rnull zone"),
        })
    }

    #[inline(always)]
    fn lock(&self) -> Self::Guard<'_> {
        self.lock.lock()
    }
}

impl ZoneLock for Sleeping {
    const COVERS_DATA: bool = true;

    type Guard<'a> = MutexGuard<'a, ()>;

    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            lock <- new_mutex!((), "rnull zone"),
        })
    }

    #[inline(always)]
    fn lock(&self) -> Self::Guard<'_> {
        self.lock.lock()
    }
}
