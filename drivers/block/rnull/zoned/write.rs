// SPDX-License-Identifier: GPL-2.0

//! Writing to zones, and reading from them.

use super::{
    Locked,
    Medium,
    Outcome,
    State,
    ZoneLock,
    Zones, //
};
use crate::trace;
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond, //
    },
    prelude::*,
    sync::atomic::Relaxed, //
};

impl<L: ZoneLock> Zones<L> {
    /// Writes at `sector`.
    #[inline]
    pub(super) fn write(&self, sector: u64, sectors: u32, medium: &mut impl Medium) -> Outcome {
        let Some((number, zone)) = self.zone(sector) else {
            return Status::IOERR.into();
        };
        trace::zone_op(&self.disk, Op::WRITE, number, zone.cond.load(Relaxed));

        if zone.extent.conventional {
            return medium.transfer(Op::WRITE, sector, sectors).0.into();
        }
        match self.write_locked(&zone.lock(), Some(sector), sectors, medium) {
            Ok((_, status)) | Err(status) => status.into(),
        }
    }

    /// Writes at the write pointer of the zone that `sector` is in.
    #[inline]
    pub(super) fn append(&self, sector: u64, sectors: u32, medium: &mut impl Medium) -> Outcome {
        let Some((number, zone)) = self.zone(sector) else {
            return Status::IOERR.into();
        };
        trace::zone_op(&self.disk, Op::ZONE_APPEND, number, zone.cond.load(Relaxed));

        if zone.extent.conventional {
            return Status::IOERR.into();
        }
        match self.write_locked(&zone.lock(), None, sectors, medium) {
            Ok((sector, status)) => Outcome {
                status,
                position: Some(sector),
            },
            Err(status) => status.into(),
        }
    }

    /// Writes at `at`, or at the write pointer. Returns where, and how it went; or why it was not
    /// tried.
    #[inline]
    fn write_locked(
        &self,
        zone: &Locked<'_, L>,
        at: Option<u64>,
        sectors: u32,
        medium: &mut impl Medium,
    ) -> Result<(u64, Status), Status> {
        let state = zone.state();
        let sector = state.check_write(zone.extent(), at, sectors)?;
        if !state.cond.is_open() {
            self.change(zone, State::opened_by_write)?;
        }

        let (status, written) = medium.transfer(Op::WRITE, sector, sectors);
        let status = match self.advance(zone, written) {
            // If both failed, what went wrong first is told.
            Err(refused) if status.is_ok() => refused,
            _ => status,
        };
        Ok((sector, status))
    }

    /// Moves the write pointer.
    #[inline]
    fn advance(&self, zone: &Locked<'_, L>, sectors: u32) -> Result<(), Status> {
        if sectors == 0 {
            return Ok(());
        }
        let extent = zone.extent();
        let state = zone.state();
        let wp = state.wp + u64::from(sectors);

        // Others look at a zone to tell whether it was written to.
        let becomes_used = self.limited && state.wp == extent.start;
        if becomes_used || wp == extent.start + extent.capacity {
            self.change(zone, |state, resources| {
                state.written(extent, sectors, resources)
            })?;
        } else {
            zone.zone.wp.store(wp, Relaxed);
        }
        Ok(())
    }

    /// Reads, or does what else there is that moves no write pointer.
    #[inline]
    pub(super) fn read(
        &self,
        op: Op,
        sector: u64,
        sectors: u32,
        medium: &mut impl Medium,
    ) -> Status {
        let Some((_, zone)) = self.zone(sector) else {
            return Status::IOERR;
        };
        // Without data there is nothing that would have to fit the write pointer.
        let _locked = (L::COVERS_DATA && !zone.extent.conventional).then(|| zone.lock());

        if zone.cond.load(Relaxed) == ZoneCond::Offline {
            return Status::IOERR;
        }
        medium.transfer(op, sector, sectors).0
    }
}
