// SPDX-License-Identifier: GPL-2.0

//! Reading and writing zones.
//!
//! A transfer begins with a guard: a [`WriteGuard`] has the sector to write at, a [`ReadGuard`] the
//! end of the readable data. The caller transfers the data while it holds the guard. A write then
//! commits the number of sectors that were written.

use super::{
    Locked,
    State,
    Zones, //
};
use crate::trace;
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond,
        SECTOR_SIZE, //
    },
    prelude::*,
    sync::atomic::Relaxed, //
};

/// A write to a zone that has begun.
///
/// A sequential zone stays locked until this is dropped. So the transfer may sleep only with
/// [`Locking::Sleeping`](super::Locking::Sleeping).
#[must_use = "a write must be committed"]
pub(crate) struct WriteGuard<'a> {
    zones: &'a Zones,
    /// The zone, unless it is conventional.
    zone: Option<Locked<'a>>,
    sector: u64,
}

/// A read from a zone that has begun. A sequential zone stays locked until this is dropped, if data
/// is stored.
pub(crate) struct ReadGuard<'a> {
    _zone: Option<Locked<'a>>,
    end: u64,
}

impl Zones {
    /// Begins a write of `sectors` sectors at `sector`; for [`Op::ZONE_APPEND`], at the write
    /// pointer of the zone that `sector` is in. May sleep if locking a zone may.
    #[inline]
    pub(crate) fn begin_write(
        &self,
        op: Op,
        sector: u64,
        sectors: u32,
    ) -> Result<WriteGuard<'_>, Status> {
        let (number, zone) = self.zone(sector).ok_or(Status::IOERR)?;
        trace::zone_op(&self.disk, op, number, zone.cond.load(Relaxed));

        let at = (op != Op::ZONE_APPEND).then_some(sector);
        if zone.extent.conventional {
            return Ok(WriteGuard {
                zones: self,
                zone: None,
                sector: at.ok_or(Status::IOERR)?,
            });
        }
        let zone = zone.lock();
        let state = zone.state();
        let sector = state.check_write(zone.extent(), at, sectors)?;
        if !state.cond.is_open() {
            self.change(&zone, |state| Ok(state.opened_by_write()))?;
        }
        Ok(WriteGuard {
            zones: self,
            zone: Some(zone),
            sector,
        })
    }

    /// Begins a read at `sector`, or another operation that moves no write pointer. May sleep if
    /// locking a zone may.
    #[inline]
    pub(crate) fn begin_read(&self, sector: u64) -> Result<ReadGuard<'_>, Status> {
        let (_, zone) = self.zone(sector).ok_or(Status::IOERR)?;
        // Only stored data must agree with the write pointer.
        let locked = (zone.lock.covers_data() && !zone.extent.conventional).then(|| zone.lock());

        let State { cond, wp } = zone.state();
        if cond == ZoneCond::Offline {
            return Err(Status::IOERR);
        }
        Ok(ReadGuard {
            _zone: locked,
            end: wp.saturating_mul(SECTOR_SIZE.into()),
        })
    }

    /// Advances the write pointer by `sectors`.
    #[inline]
    fn advance(&self, zone: &Locked<'_>, sectors: u32) -> Result<(), Status> {
        if sectors == 0 {
            return Ok(());
        }
        let extent = zone.extent();
        let state = zone.state();
        let wp = state.wp + u64::from(sectors);

        // A task that closes the zone tests under `limits` whether the zone is empty.
        let becomes_used = self.limited && state.wp == extent.start;
        if becomes_used || wp == extent.start + extent.capacity {
            self.change(zone, |state| Ok(state.written(extent, sectors)))?;
        } else {
            zone.zone.wp.store(wp, Relaxed);
        }
        Ok(())
    }
}

impl WriteGuard<'_> {
    /// Returns the sector to write at.
    #[inline]
    pub(crate) fn sector(&self) -> u64 {
        self.sector
    }

    /// Commits a transfer with the result `status`, which has written the first `written` sectors,
    /// even if it failed. Returns the status of the write: the first error, if any.
    #[inline]
    pub(crate) fn commit(self, status: Status, written: u32) -> Status {
        match &self.zone {
            None => status,
            Some(zone) => match self.zones.advance(zone, written) {
                Err(refused) if status.is_ok() => refused,
                _ => status,
            },
        }
    }
}

impl ReadGuard<'_> {
    /// Returns the first byte of the device behind the readable data: the write pointer. All data
    /// of conventional and of read-only zones can be read.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}
