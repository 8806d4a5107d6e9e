// SPDX-License-Identifier: GPL-2.0

//! What the tests of zones share.

mod model;
mod race;
mod random;
mod transitions;

use super::{
    Failure,
    Locking,
    ManageGuard,
    State,
    ZoneConfig,
    Zones, //
};
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond,
        SECTOR_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

/// Sectors in a MiB.
pub(super) const MIB: u64 = 2048;

/// What holds the data of a zoned device, as a test has it.
pub(super) trait BackingStore: Discard {
    /// Reads or writes. Returns the status, and how many sectors were written.
    fn transfer(&mut self, op: Op, sector: u64, sectors: u32) -> (Status, u32);
}

/// What can forget the data of a zoned device.
pub(super) trait Discard {
    /// Forgets the data of sectors.
    fn discard(&mut self, sector: u64, sectors: u64);
}

/// How an operation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: Status,
    /// Where the data of a zone append went.
    pub(super) position: Option<u64>,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        Self {
            status,
            position: None,
        }
    }
}

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

impl BackingStore for Null {
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
pub(super) fn zones(locking: Locking, mut config: ZoneConfig, size: u64) -> Result<Arc<Zones>> {
    Arc::pin_init(
        Zones::new(config.plan(size, 512)?, locking, c"kunit"),
        GFP_KERNEL,
    )
}

impl ManageGuard<'_> {
    /// Has `medium` forget what is to be forgotten.
    fn settle(self, store: &mut impl Discard) {
        if let Some((sector, sectors)) = self.to_discard() {
            store.discard(sector, sectors);
        }
    }
}

impl Zones {
    /// An operation, as a device carries it out.
    pub(super) fn process(
        &self,
        op: Op,
        sector: u64,
        sectors: u32,
        store: &mut impl BackingStore,
    ) -> Outcome {
        self.try_process(op, sector, sectors, store)
            .unwrap_or_else(Outcome::from)
    }

    fn try_process(
        &self,
        op: Op,
        sector: u64,
        sectors: u32,
        store: &mut impl BackingStore,
    ) -> Result<Outcome, Status> {
        match op {
            Op::WRITE | Op::ZONE_APPEND => {
                let write = self.begin_write(op, sector, sectors)?;
                let at = write.sector();
                let (status, written) = store.transfer(Op::WRITE, at, sectors);
                Ok(Outcome {
                    status: write.commit(status, written),
                    position: (op == Op::ZONE_APPEND).then_some(at),
                })
            }
            Op::ZONE_RESET_ALL => {
                self.reset_all().for_each(|changed| changed.settle(store));
                Ok(Status::OK.into())
            }
            Op::ZONE_OPEN | Op::ZONE_CLOSE | Op::ZONE_FINISH | Op::ZONE_RESET => {
                self.manage(op, sector)?.settle(store);
                Ok(Status::OK.into())
            }
            _ => {
                let _read = self.begin_read(sector)?;
                Ok(store.transfer(op, sector, sectors).0.into())
            }
        }
    }

    /// Makes a zone fail.
    pub(super) fn fail_on(&self, sector: u64, how: Failure, store: &mut impl Discard) -> Result {
        self.fail(sector, how).map(|changed| changed.settle(store))
    }

    /// How many of `bytes` bytes from `sector` on can be read.
    pub(super) fn valid_read_len(&self, sector: u64, bytes: u32) -> u32 {
        let Ok(read) = self.begin_read(sector) else {
            return 0;
        };
        let left = read.end().saturating_sub(sector * u64::from(SECTOR_SIZE));
        left.min(bytes.into()) as u32
    }

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
        self.limits.lock().counts()
    }

    /// Makes a zone one with a condition and a write pointer, whatever it was.
    pub(super) fn force(&self, number: usize, cond: ZoneCond, wp: u64) {
        let zone = self.zones[number].lock();
        let _ = self.change(&zone, |_| Ok(State { cond, wp }.into()));
    }
}
