// SPDX-License-Identifier: GPL-2.0

//! The zones of a device, with the kind of lock that it needs.

use super::memory::Storage;
use crate::{
    config::Config,
    zoned::{
        Discard,
        Failure,
        Layout,
        Medium,
        Outcome,
        Sleeping,
        Spinning,
        Zones, //
    },
};
use kernel::{
    block::{
        Op,
        ZoneReport,
        SECTOR_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};

/// The zones of a device.
pub(crate) enum AnyZones {
    /// Nothing sleeps while a zone is locked.
    Spinning(Pin<KBox<Zones<Spinning>>>),
    /// Memory may be allocated while a zone is locked.
    Sleeping(Pin<KBox<Zones<Sleeping>>>),
}

/// Calls a function of the zones, whatever their locks.
macro_rules! with_zones {
    ($any:expr, $zones:ident => $call:expr) => {
        match $any {
            AnyZones::Spinning($zones) => $call,
            AnyZones::Sleeping($zones) => $call,
        }
    };
}

impl AnyZones {
    /// Makes the zones of the disk called `disk`.
    pub(crate) fn new(config: &Config, layout: Layout, disk: &CStr) -> Result<Arc<Self>> {
        let zones = if config.memory_backed {
            Self::Sleeping(KBox::pin_init(Zones::new(layout, disk), GFP_KERNEL)?)
        } else {
            Self::Spinning(KBox::pin_init(Zones::new(layout, disk), GFP_KERNEL)?)
        };
        Ok(Arc::new(zones, GFP_KERNEL)?)
    }

    /// See [`Zones::process`].
    pub(super) fn process(
        &self,
        op: Op,
        sector: u64,
        sectors: u32,
        medium: &mut impl Medium,
    ) -> Outcome {
        with_zones!(self, zones => zones.process(op, sector, sectors, medium))
    }

    /// How many of `len` bytes from the byte `position` on have data.
    pub(super) fn readable(&self, position: u64, len: usize) -> usize {
        let sector = position / u64::from(SECTOR_SIZE);
        let readable =
            with_zones!(self, zones => zones.valid_read_len(sector, len as u32)) as usize;
        if readable == 0 || readable == len {
            return readable;
        }
        // This counts from the start of the sector.
        readable - position as usize % SECTOR_SIZE as usize
    }

    /// See [`Zones::report`].
    pub(crate) fn report(&self, report: &mut ZoneReport) -> Result {
        with_zones!(self, zones => zones.report(report))
    }

    /// See [`Zones::fail`].
    pub(crate) fn fail(&self, sector: u64, how: Failure, storage: Option<&Arc<Storage>>) -> Result {
        with_zones!(self, zones => zones.fail(sector, how, &mut Stored(storage)))
    }
}

/// What holds the data of zones, if anything does.
pub(super) struct Stored<'a>(pub(super) Option<&'a Arc<Storage>>);

impl Discard for Stored<'_> {
    fn discard(&mut self, sector: u64, sectors: u64) {
        if let Some(storage) = self.0 {
            storage.discard(sector, sectors);
        }
    }
}
