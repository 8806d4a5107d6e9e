// SPDX-License-Identifier: GPL-2.0

//! What the tests of zones share.

mod model;
mod race;
mod random;
mod transitions;

use super::{
    Discard,
    Medium,
    Outcome,
    ZoneConfig,
    ZoneLock,
    Zones, //
};
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

/// Sectors in a MiB.
pub(super) const MIB: u64 = 2048;

/// A medium that keeps no data, and notes what it was asked for.
#[derive(Default)]
pub(super) struct Null {
    /// What was read or written last: where, and how much.
    pub(super) transferred: Option<(Op, u64, u32)>,
    /// How often something was forgotten, and how many sectors in all.
    pub(super) discards: u32,
    pub(super) discarded: u64,
    /// What the next transfer is to end like, and how much it writes.
    pub(super) fault: Option<(Status, u32)>,
}

impl Medium for Null {
    fn transfer(&mut self, op: Op, sector: u64, sectors: u32) -> (Status, u32) {
        self.transferred = Some((op, sector, sectors));
        self.fault.take().unwrap_or((Status::OK, sectors))
    }
}

impl Discard for Null {
    fn discard(&mut self, _sector: u64, sectors: u64) {
        self.discards += 1;
        self.discarded += sectors;
    }
}

/// A device of `size` MiB.
pub(super) fn zones<L: ZoneLock>(mut config: ZoneConfig, size: u64) -> Result<Arc<Zones<L>>> {
    Arc::pin_init(Zones::new(config.plan(size, 512)?, c"kunit"), GFP_KERNEL)
}

impl<L: ZoneLock> Zones<L> {
    /// An operation on a medium that does what it is asked for.
    pub(super) fn op(&self, op: Op, sector: u64, sectors: u32) -> Outcome {
        self.process(op, sector, sectors, &mut Null::default())
    }

    /// The status of a write.
    pub(super) fn try_write(&self, sector: u64, sectors: u32) -> Status {
        self.op(Op::WRITE, sector, sectors).status
    }

    /// The condition of a zone, and its write pointer.
    pub(super) fn look(&self, number: usize) -> (ZoneCond, u64) {
        let zone = &self.zones[number];
        (zone.cond.load(Relaxed), zone.wp.load(Relaxed))
    }

    /// How many zones are implicitly open, explicitly open, and closed.
    pub(super) fn counts(&self) -> [u32; 3] {
        self.budget.lock().counts()
    }

    /// Makes a zone one with a condition and a write pointer, whatever it was.
    pub(super) fn force(&self, number: usize, cond: ZoneCond, wp: u64) {
        let zone = self.zones[number].lock();
        let _ = self.change(&zone, |_, _| Ok(super::State { cond, wp }));
    }
}
