// SPDX-License-Identifier: GPL-2.0

//! Opening, closing, finishing and resetting zones, and making them fail.

use super::{
    state::Action,
    Discard,
    Locked,
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
    prelude::*, //
};

/// What makes a zone fail for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It can't be written any more.
    ReadOnly,
    /// It can't be read either.
    Offline,
}

impl<L: ZoneLock> Zones<L> {
    /// Carries out an operation on the zone that `sector` is in, or on all.
    pub(super) fn manage(&self, op: Op, sector: u64, medium: &mut impl Discard) -> Status {
        let action = match op {
            Op::ZONE_OPEN => Action::Open,
            Op::ZONE_CLOSE => Action::Close,
            Op::ZONE_FINISH => Action::Finish,
            Op::ZONE_RESET => Action::Reset,
            Op::ZONE_RESET_ALL => return self.reset_all(medium),
            _ => return Status::NOTSUPP,
        };
        let Some((number, zone)) = self.zone(sector) else {
            return Status::IOERR;
        };
        match self.act(&zone.lock(), action, medium) {
            Ok(state) => {
                trace::zone_op(&self.disk, op, number, state.cond);
                Status::OK
            }
            Err(status) => status,
        }
    }

    /// Resets all zones that are not empty and not failed.
    fn reset_all(&self, medium: &mut impl Discard) -> Status {
        for (number, zone) in self.zones.iter().enumerate().skip(self.nr_conv) {
            let zone = zone.lock();
            if zone.state().cond == ZoneCond::Empty {
                continue;
            }
            if let Ok(state) = self.act(&zone, Action::Reset, medium) {
                trace::zone_op(&self.disk, Op::ZONE_RESET_ALL, number as u32, state.cond);
            }
        }
        Status::OK
    }

    fn act(
        &self,
        zone: &Locked<'_, L>,
        action: Action,
        medium: &mut impl Discard,
    ) -> Result<State, Status> {
        let extent = zone.extent();
        let state = self.change(zone, |state, resources| {
            state.after(action, extent, resources)
        })?;
        if action == Action::Reset {
            medium.discard(extent.start, extent.len);
        }
        Ok(state)
    }

    /// Makes the zone that `sector` is in fail; or, if it has failed in this way, makes it an empty
    /// zone again.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such zone, or if it is conventional. The reason is logged.
    pub(crate) fn fail(&self, sector: u64, how: Failure, medium: &mut impl Discard) -> Result {
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
        if !zone.state().is_dead() {
            // As in null_blk, with what that does to other zones. Where finishing is refused, the
            // zone fails nevertheless, and ceases to be active.
            let _ = self.act(&zone, Action::Finish, medium);
        }
        let changed = self.change(&zone, |state, _| Ok(state.failed(cond, zone.extent())));
        if changed.is_ok_and(|state| !state.is_dead()) {
            medium.discard(zone.extent().start, zone.extent().len);
        }
        Ok(())
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
