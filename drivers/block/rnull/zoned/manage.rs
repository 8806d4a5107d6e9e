// SPDX-License-Identifier: GPL-2.0

//! Zone management: opening, closing, finishing and resetting zones, and making them fail.

use super::{
    state::Action,
    Locked,
    State,
    Zones, //
};
use crate::trace;
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond, //
    },
    prelude::*, //
};

/// The failure of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The zone cannot be written.
    ReadOnly,
    /// The zone cannot be read or written.
    Offline,
}

/// A zone whose state has changed. It stays locked until this is dropped, so that the caller can
/// discard its data.
pub(crate) struct ManageGuard<'a> {
    zone: Locked<'a>,
    emptied: bool,
}

impl ManageGuard<'_> {
    /// Returns the sectors that the caller must discard, if any: the first, and their number.
    pub(crate) fn to_discard(&self) -> Option<(u64, u64)> {
        let extent = self.zone.extent();
        self.emptied.then_some((extent.start, extent.len))
    }
}

impl Zones {
    /// Executes a zone management operation on the zone that `sector` is in. May sleep if locking a
    /// zone may.
    pub(crate) fn manage(&self, op: Op, sector: u64) -> Result<ManageGuard<'_>, Status> {
        let action = match op {
            Op::ZONE_OPEN => Action::Open,
            Op::ZONE_CLOSE => Action::Close,
            Op::ZONE_FINISH => Action::Finish,
            Op::ZONE_RESET => Action::Reset,
            _ => return Err(Status::NOTSUPP),
        };
        let (number, zone) = self.zone(sector).ok_or(Status::IOERR)?;
        let zone = zone.lock();
        let state = self.act(&zone, action)?;
        trace::zone_op(&self.disk, op, number, state.cond);
        Ok(ManageGuard {
            zone,
            emptied: action == Action::Reset,
        })
    }

    /// Resets all zones that have not failed and are not empty: one for each item of the iterator.
    pub(crate) fn reset_all(&self) -> impl Iterator<Item = ManageGuard<'_>> {
        let zones = self.zones.iter().enumerate().skip(self.nr_conv);
        zones.filter_map(|(number, zone)| {
            let zone = zone.lock();
            if zone.state().cond == ZoneCond::Empty {
                return None;
            }
            let state = self.act(&zone, Action::Reset).ok()?;
            trace::zone_op(&self.disk, Op::ZONE_RESET_ALL, number as u32, state.cond);
            Some(ManageGuard {
                zone,
                emptied: true,
            })
        })
    }

    /// Executes an action on a locked zone. Returns the new state.
    #[inline(never)]
    fn act(&self, zone: &Locked<'_>, action: Action) -> Result<State, Status> {
        let extent = zone.extent();
        self.change(zone, |state| state.after(action, extent, self.limited))
    }

    /// Makes the zone that `sector` is in fail, or makes it empty if it has failed in the same way.
    /// May sleep if locking a zone may.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such zone, or if it is conventional. The reason is logged.
    pub(crate) fn fail(&self, sector: u64, how: Failure) -> Result<ManageGuard<'_>> {
        let Some((_, zone)) = self.zone(sector) else {
            pr_err!("Sector out of range\n");
            return Err(EINVAL);
        };
        if zone.extent.conventional {
            pr_err!("Can not change condition of conventional zones\n");
            return Err(EINVAL);
        }

        let zone = zone.lock();
        let cond = how.into();
        if !zone.state().has_failed() {
            // As in null_blk, finish the zone first, which may close another one. If finishing
            // fails, the zone fails nevertheless, and is no longer active.
            let _ = self.act(&zone, Action::Finish);
        }
        let changed = self.change(&zone, |state| Ok(state.failed(cond, zone.extent())));
        Ok(ManageGuard {
            emptied: changed.is_ok_and(|state| !state.has_failed()),
            zone,
        })
    }
}

impl From<Failure> for ZoneCond {
    fn from(how: Failure) -> Self {
        match how {
            Failure::ReadOnly => Self::ReadOnly,
            Failure::Offline => Self::Offline,
        }
    }
}
