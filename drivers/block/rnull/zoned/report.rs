// SPDX-License-Identifier: GPL-2.0

//! Zone reports.

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
    /// Adds zones to a report, until it is full. May sleep.
    pub(crate) fn report(&self, report: &mut ZoneReport) -> Result {
        let sector = report.sector();
        let zones = match self.zones.get(self.number(sector)..) {
            // A sector behind a smaller last zone still has the number of that zone.
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
