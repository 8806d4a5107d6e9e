// SPDX-License-Identifier: GPL-2.0

//! Zones (`zoned=1`).
//!
//! Each line of the list uses only what stands above it:
//!
//! * `limits`: how many zones may be open or active, and how many are. Pure.
//! * `state`: the states of a zone and the transitions between them. Pure.
//! * `config`: the settings, and the zones that they lead to. Pure.
//! * `lock`: the two kinds of lock that a zone can have.
//! * this file: the zones of a device, and who may change them when.
//! * `transfer`, `manage`, `report`: what is done with them.
//!
//! Lock order: the lock of a zone, then [`Zones::limits`]. No two zones are locked at a time.
//!
//! # Who may change a zone
//!
//! Who changes a zone holds its lock. There is one exception. When zones are limited, and one is to
//! be opened, another may have to be closed which somebody else has locked: waiting for that lock
//! while holding another one could last for ever. So, with limits,
//!
//! * the condition of a zone is changed with `limits` locked. This is done without the lock of the
//!   zone only to close an implicitly open zone, which leaves its write pointer as it is;
//! * whether the write pointer is at the start of the zone changes only with `limits` locked, so
//!   that who closes the zone knows whether it is empty.
//!
//! So a write may find its zone closed when it is done; see [`State::written`]. The condition and
//! the write pointer are atomic, because they are read with one lock and written with another. No
//! order beyond that of the locks is needed.

mod config;
#[cfg(CONFIG_KUNIT = "y")]
mod kunit;
mod limits;
mod lock;
mod manage;
mod report;
mod state;
mod transfer;

pub(crate) use self::{
    config::{
        Layout,
        ZoneConfig, //
    },
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
    /// The size of a zone as a power of two.
    shift: u32,
    nr_conv: usize,
    /// The name of the disk.
    disk: CString,
    /// Whether `limits` is of any use.
    limited: bool,
    #[pin]
    limits: SpinLockIrq<Limits>,
}

/// A zone. It has cache lines of its own, so that writes to different zones do not disturb each
/// other.
#[pin_data]
#[repr(align(64))]
struct Zone {
    #[pin]
    lock: ZoneLock,
    cond: Atomic<ZoneCond>,
    wp: Atomic<u64>,
    extent: Extent,
}

/// A zone that is locked.
struct Locked<'a> {
    zone: &'a Zone,
    _guard: Guard<'a>,
}

impl Zones {
    /// Returns an initializer for the zones of the disk called `disk`.
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
                // That there are too many zones for the memory is no fault of the kernel's.
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

    /// The number of the zone that a sector is in.
    #[inline]
    fn number(&self, sector: u64) -> usize {
        (sector >> self.shift).try_into().unwrap_or(usize::MAX)
    }

    /// The zone that a sector is in, with its number, if there is one.
    #[inline]
    fn zone(&self, sector: u64) -> Option<(u32, &Zone)> {
        let number = self.number(sector);
        Some((number as u32, self.zones.get(number)?))
    }

    /// Moves a locked zone to the state that `next` returns for its present one, within the limits.
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

    /// Closes the next implicitly open zone, which is not locked for it.
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
