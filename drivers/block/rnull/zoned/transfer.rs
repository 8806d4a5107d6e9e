// SPDX-License-Identifier: GPL-2.0

//! Writing to zones, and reading from them.
//!
//! A transfer begins with a guard, which says where the data goes or how far it can be read. The
//! caller moves the data while it has the guard, and commits what was written.

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
/// A zone with a write pointer is locked meanwhile: the data may be moved by code that sleeps only
/// if the lock is [`Sleeping`](super::Locking::Sleeping).
#[must_use = "what was written has to be committed"]
pub(crate) struct WriteGuard<'a> {
    zones: &'a Zones,
    /// The zone, unless it is conventional.
    zone: Option<Locked<'a>>,
    sector: u64,
}

/// A read from a zone. As with [`WriteGuard`], the zone may be locked meanwhile.
pub(crate) struct ReadGuard<'a> {
    _zone: Option<Locked<'a>>,
    end: u64,
}

impl Zones {
    /// Begins to write `sectors` sectors: at `sector`, or for [`Op::ZONE_APPEND`] at the write
    /// pointer of its zone.
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

    /// Begins to read at `sector`, or to do what else there is that moves no write pointer.
    #[inline]
    pub(crate) fn begin_read(&self, sector: u64) -> Result<ReadGuard<'_>, Status> {
        let (_, zone) = self.zone(sector).ok_or(Status::IOERR)?;
        // Without data there is nothing that would have to fit the write pointer.
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

    /// Moves the write pointer.
    #[inline]
    fn advance(&self, zone: &Locked<'_>, sectors: u32) -> Result<(), Status> {
        if sectors == 0 {
            return Ok(());
        }
        let extent = zone.extent();
        let state = zone.state();
        let wp = state.wp + u64::from(sectors);

        // Others look at a zone to tell whether it was written to.
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
    /// The sector to write at.
    #[inline]
    pub(crate) fn sector(&self) -> u64 {
        self.sector
    }

    /// Commits a write that has ended with `status`, of which the first `written` sectors were
    /// written, also if that is an error. Returns how the write ends: the first error is reported.
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
    /// The first byte of the device that cannot be read: it was not written since the zone was
    /// reset. All of a conventional zone can be read, and all of one that has failed.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}
