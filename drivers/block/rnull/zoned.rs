// SPDX-License-Identifier: GPL-2.0

//! Zones (`zoned=1`).
//!
//! A module uses only the modules above it in this list:
//!
//! * `limits`: the limits of open and active zones. Pure code.
//! * `state`: the states of a zone, and the transitions between them. Pure code.
//! * `layout`: the layout of the zones, from the settings. Pure code.
//! * `lock`: the lock of a zone: a spinlock or a mutex.
//! * this file: the zones of a device, and the rules for modifying them.
//! * `transfer`, `manage`, `report`: reading and writing, zone management, and zone reports.
//!
//! Lock order: the lock of a zone, then [`Zones::limits`]. No task locks two zones at a time.
//!
//! # Modifying a zone
//!
//! A zone is modified only under its lock, with one exception. On a device with limits, opening a
//! zone may require closing another one, which another task may have locked. Waiting for that lock
//! while holding the lock of a zone could deadlock. So on a device with limits:
//!
//! * The condition of a zone changes only under `limits`. Without the lock of the zone, it changes
//!   only when an implicitly open zone is closed, which leaves the write pointer as it is.
//! * The write pointer leaves the start of the zone, or returns to it, only under `limits`. So a
//!   task that closes the zone knows whether the zone is empty.
//!
//! A write may therefore find its zone closed when it ends; see [`State::written`]. The condition
//! and the write pointer are atomic, because they are written under one lock and read under
//! another. The locks provide all the ordering that is needed.

#[cfg(CONFIG_KUNIT = "y")]
mod kunit;
mod layout;
mod limits;
mod lock;
mod manage;
mod report;
mod state;
mod transfer;

pub(crate) use self::{
    layout::Layout,
    lock::Locking,
    manage::{
        Failure, //
        ManageGuard,
    }, //
};

use self::{
    limits::{
        Limits,
        Room, //
    },
    lock::{
        Guard,
        ZoneLock, //
    },
    state::{
        Extent,
        Next,
        State, //
    },
};
use kernel::{
    alloc::flags::__GFP_NOWARN,
    block::{
        Status,
        ZoneCond, //
    },
    new_spinlock_irq,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        SpinLockIrq, //
    },
};

/// The zones of a device.
#[pin_data]
pub(crate) struct Zones {
    zones: Pin<KVBox<[Zone]>>,
    /// The size of a zone in sectors, as a power of two.
    shift: u32,
    nr_conv: usize,
    /// The name of the disk.
    disk: CString,
    /// True if there is a limit of open or active zones. Otherwise `limits` is unused.
    limited: bool,
    #[pin]
    limits: SpinLockIrq<Limits>,
}

/// A zone. It has its own cache lines, so that writes to different zones do not share any.
#[pin_data]
#[repr(align(64))]
struct Zone {
    #[pin]
    lock: ZoneLock,
    cond: Atomic<ZoneCond>,
    wp: Atomic<u64>,
    extent: Extent,
}

/// A locked zone.
struct Locked<'a> {
    zone: &'a Zone,
    _guard: Guard<'a>,
}

impl Zones {
    /// Returns an initializer for the zones of the disk named `disk`.
    pub(crate) fn new(
        layout: Layout,
        locking: Locking,
        disk: &CStr,
    ) -> impl PinInit<Self, Error> + use<'_> {
        let limits = Limits::new(layout.max_open, layout.max_active, layout.nr_conv as usize);

        try_pin_init!(Self {
            zones: KVBox::pin_slice(
                |number| Zone::new(layout.extent(number as u32), layout.full, locking),
                layout.nr_zones as usize,
                // Too many zones for the memory are a user's error, not worth a kernel warning.
                GFP_KERNEL | __GFP_NOWARN,
            )?,
            shift: layout.zone_sectors.trailing_zeros(),
            nr_conv: layout.nr_conv as usize,
            disk: disk.try_into()?,
            limited: limits.is_limited(),
            limits <- new_spinlock_irq!(limits, "rnull zone limits"),
            _: { pr_info!("{}: using {} zone append\n", &**disk, layout.append_kind()) },
        })
    }

    /// Returns the number of the zone that `sector` is in. There may be no such zone.
    #[inline]
    fn number(&self, sector: u64) -> usize {
        (sector >> self.shift).try_into().unwrap_or(usize::MAX)
    }

    /// Returns the zone that `sector` is in, and its number, or `None` if there is no such zone.
    #[inline]
    fn zone(&self, sector: u64) -> Option<(u32, &Zone)> {
        let number = self.number(sector);
        Some((number as u32, self.zones.get(number)?))
    }

    /// Changes a locked zone to the state that `next` returns for its present state. If the zone is
    /// opened, finds room for it within the limits, which may close another zone.
    fn change(
        &self,
        zone: &Locked<'_>,
        next: impl FnOnce(State) -> Result<Next, Status>,
    ) -> Result<State, Status> {
        if !self.limited {
            let new = next(zone.state())?.state;
            zone.set(new);
            return Ok(new);
        }

        let mut limits = self.limits.lock();
        let old = zone.state();
        let next = next(old)?;
        if next.opens {
            match limits.make_room(old.cond)? {
                Room::Free => {}
                Room::CloseOne => self.close_one(&mut limits),
            }
        }
        limits.moved(old.cond, next.state.cond);
        zone.set(next.state);
        Ok(next.state)
    }

    /// Closes the next implicitly open zone, without taking its lock.
    fn close_one(&self, limits: &mut Limits) {
        for _ in self.nr_conv..self.zones.len() {
            let zone = &self.zones[limits.cursor];
            limits.cursor += 1;
            if limits.cursor == self.zones.len() {
                limits.cursor = self.nr_conv;
            }

            let state = zone.state();
            if state.cond == ZoneCond::ImplicitOpen {
                let closed = state.after_closing(&zone.extent);
                limits.moved(state.cond, closed.cond);
                zone.cond.store(closed.cond, Relaxed);
                return;
            }
        }
    }
}

impl Zone {
    fn new(extent: Extent, full: bool, locking: Locking) -> impl PinInit<Self, Error> {
        let State { cond, wp } = extent.initial(full);
        try_pin_init!(Self {
            lock <- ZoneLock::new(locking),
            cond: Atomic::new(cond),
            wp: Atomic::new(wp),
            extent,
        })
    }

    #[inline]
    fn lock(&self) -> Locked<'_> {
        Locked {
            _guard: self.lock.lock(),
            zone: self,
        }
    }

    #[inline]
    fn state(&self) -> State {
        State {
            cond: self.cond.load(Relaxed),
            wp: self.wp.load(Relaxed),
        }
    }
}

impl Locked<'_> {
    #[inline]
    fn state(&self) -> State {
        self.zone.state()
    }

    #[inline]
    fn set(&self, state: State) {
        self.zone.cond.store(state.cond, Relaxed);
        self.zone.wp.store(state.wp, Relaxed);
    }

    #[inline]
    fn extent(&self) -> &Extent {
        &self.zone.extent
    }
}
