// SPDX-License-Identifier: GPL-2.0

//! Helpers for the tests of zones.

mod model;
mod race;
mod random;
mod transitions;

use super::{
    Failure,
    Layout,
    Locking,
    ManageGuard,
    State,
    Zones, //
};
use crate::settings::Config;
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

/// The backing store of a zoned device in a test.
pub(super) trait BackingStore: Discard {
    /// Reads or writes. Returns the status, and the number of sectors that were written.
    fn transfer(&mut self, op: Op, sector: u64, sectors: u32) -> (Status, u32);
}

/// A store that can discard data.
pub(super) trait Discard {
    /// Discards `sectors` sectors from `sector` on.
    fn discard(&mut self, sector: u64, sectors: u64);
}

/// The result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: Status,
    /// The first sector that a zone append has written.
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

/// A backing store that stores no data, but records its calls.
#[derive(Default)]
pub(super) struct Null {
    /// The last transfer: the operation, the first sector, and the number of sectors.
    pub(super) transferred: Option<(Op, u64, u32)>,
    /// The number of discards.
    pub(super) discards: u32,
    /// The number of discarded sectors.
    pub(super) discarded: u64,
    /// The status of the next transfer, and the number of sectors that it writes.
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

/// Creates the zones of a device of `size` MiB.
pub(super) fn zones(locking: Locking, mut config: Config, size: u64) -> Result<Arc<Zones>> {
    config.size = size;
    config.blocksize = 512;
    Arc::pin_init(
        Zones::new(Layout::plan(&mut config)?, locking, c"kunit"),
        GFP_KERNEL,
    )
}

impl ManageGuard<'_> {
    /// Discards the data of the zone, if the caller must do that.
    fn settle(self, store: &mut impl Discard) {
        if let Some((sector, sectors)) = self.to_discard() {
            store.discard(sector, sectors);
        }
    }
}

impl Zones {
    /// Executes an operation, as a device does.
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

    /// Makes the zone that `sector` is in fail.
    pub(super) fn fail_on(&self, sector: u64, how: Failure, store: &mut impl Discard) -> Result {
        self.fail(sector, how).map(|changed| changed.settle(store))
    }

    /// Returns the number of readable bytes among `bytes` bytes from `sector` on.
    pub(super) fn valid_read_len(&self, sector: u64, bytes: u32) -> u32 {
        let Ok(read) = self.begin_read(sector) else {
            return 0;
        };
        let left = read.end().saturating_sub(sector * u64::from(SECTOR_SIZE));
        left.min(bytes.into()) as u32
    }

    /// Executes an operation on a backing store that does not fail.
    pub(super) fn op(&self, op: Op, sector: u64, sectors: u32) -> Outcome {
        self.process(op, sector, sectors, &mut Null::default())
    }

    /// Writes, and returns the status.
    pub(super) fn try_write(&self, sector: u64, sectors: u32) -> Status {
        self.op(Op::WRITE, sector, sectors).status
    }

    /// Returns the condition of a zone, and its write pointer.
    pub(super) fn look(&self, number: usize) -> (ZoneCond, u64) {
        let zone = &self.zones[number];
        (zone.cond.load(Relaxed), zone.wp.load(Relaxed))
    }

    /// Returns the numbers of zones that are implicitly open, explicitly open, and closed.
    pub(super) fn counts(&self) -> [u32; 3] {
        self.limits.lock().counts()
    }

    /// Sets the condition and the write pointer of a zone.
    pub(super) fn force(&self, number: usize, cond: ZoneCond, wp: u64) {
        let zone = self.zones[number].lock();
        let _ = self.change(&zone, |_| Ok(State { cond, wp }.into()));
    }
}
