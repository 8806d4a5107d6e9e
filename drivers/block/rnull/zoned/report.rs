// SPDX-License-Identifier: GPL-2.0

//! Reporting zones.

use super::{
    Zone,
    Zones, //
};
use crate::trace;
use kernel::{
    block::{
        self,
        ZoneReport,
        ZoneType, //
    },
    prelude::*, //
};

impl Zones {
    /// Puts the zones into the report that it is about. May sleep if locking zones may.
    pub(crate) fn report(&self, report: &mut ZoneReport) -> Result {
        let sector = report.sector();
        let zones = match self.zones.get(self.number(sector)..) {
            // The end of a last zone that is smaller lies where the rest of it would be.
            Some(zones @ [first, ..]) if sector < first.extent.start + first.extent.len => zones,
            _ => return Ok(()),
        };
        if report.is_first() {
            let count = report.wanted().min(zones.len() as u32);
            trace::report_zones(&self.disk, count);
        }
        for zone in zones {
            if report.is_full() {
                break;
            }
            report.put(zone.describe())?;
        }
        Ok(())
    }
}

impl Zone {
    fn describe(&self) -> block::Zone {
        let state = self.lock().state();
        block::Zone {
            start: self.extent.start,
            len: self.extent.len,
            capacity: self.extent.capacity,
            wp: state.wp,
            zone_type: if self.extent.conventional {
                ZoneType::Conventional
            } else {
                ZoneType::SequentialRequired
            },
            cond: state.cond,
        }
    }
}
