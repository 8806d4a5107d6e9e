// SPDX-License-Identifier: GPL-2.0

//! A simple model of a zoned device. It counts zones again for each operation.

use crate::zoned::Failure;
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond,
        ZoneCond::*, //
    },
    prelude::*, //
};

/// A model of a device whose zones have `len` sectors and a capacity of `capacity` sectors.
pub(super) struct Model {
    pub(super) conds: KVec<ZoneCond>,
    pub(super) wps: KVec<u64>,
    len: u64,
    capacity: u64,
    conv: usize,
    max_open: usize,
    max_active: usize,
    /// The number of the zone from which the next search for a zone to close starts.
    next: usize,
}

impl Model {
    pub(super) fn new(
        (len, capacity): (u64, u64),
        (conv, count): (usize, usize),
        (max_open, max_active): (usize, usize),
    ) -> Result<Self> {
        let mut model = Self {
            conds: KVec::new(),
            wps: KVec::new(),
            len,
            capacity,
            conv,
            max_open,
            max_active,
            next: conv,
        };
        for number in 0..count {
            let start = number as u64 * len;
            let (cond, wp) = if number < conv {
                (NotWp, start + len)
            } else {
                (Empty, start)
            };
            model.conds.push(cond, GFP_KERNEL)?;
            model.wps.push(wp, GFP_KERNEL)?;
        }
        Ok(model)
    }

    fn start(&self, zone: usize) -> u64 {
        zone as u64 * self.len
    }

    /// Returns the number of zones with one of the conditions.
    pub(super) fn count(&self, conds: &[ZoneCond]) -> usize {
        self.conds
            .iter()
            .filter(|cond| conds.contains(cond))
            .count()
    }

    fn is_limited(&self) -> bool {
        self.max_open + self.max_active > 0
    }

    fn all_active(&self) -> bool {
        self.max_active > 0 && self.count(&[ImplicitOpen, ExplicitOpen, Closed]) >= self.max_active
    }

    /// Makes room for a zone to open.
    fn make_room(&mut self, zone: usize) -> Result<(), Status> {
        if self.conds[zone] == Empty && self.all_active() {
            return Err(Status::ZONE_ACTIVE_RESOURCE);
        }
        if self.max_open == 0 || self.count(&[ImplicitOpen, ExplicitOpen]) < self.max_open {
            return Ok(());
        }
        if self.all_active() {
            return Err(Status::ZONE_OPEN_RESOURCE);
        }
        let candidates = Iterator::chain(self.next..self.conds.len(), self.conv..self.next);
        for victim in candidates {
            if self.conds[victim] == ImplicitOpen {
                self.close(victim);
                self.next = victim + 1;
                if self.next == self.conds.len() {
                    self.next = self.conv;
                }
                return Ok(());
            }
        }
        Err(Status::ZONE_OPEN_RESOURCE)
    }

    fn close(&mut self, zone: usize) {
        self.conds[zone] = if self.wps[zone] == self.start(zone) {
            Empty
        } else {
            Closed
        };
    }

    fn clear(&mut self, zone: usize) {
        self.conds[zone] = Empty;
        self.wps[zone] = self.start(zone);
    }

    /// Writes at the sector `at`, or at the write pointer. The backing store writes only the first
    /// `taken` sectors. Returns the sector that the write started at.
    pub(super) fn write(
        &mut self,
        zone: usize,
        at: Option<u64>,
        sectors: u32,
        taken: u32,
    ) -> Result<u64, Status> {
        if zone < self.conv {
            return at.ok_or(Status::IOERR);
        }
        if !matches!(
            self.conds[zone],
            Empty | ImplicitOpen | ExplicitOpen | Closed
        ) {
            return Err(Status::IOERR);
        }
        let wp = self.wps[zone];
        let end = self.start(zone) + self.capacity;
        if at.is_some_and(|at| at != wp) || wp + u64::from(sectors) > end {
            return Err(Status::IOERR);
        }
        if matches!(self.conds[zone], Empty | Closed) {
            self.make_room(zone)?;
            self.conds[zone] = ImplicitOpen;
        }
        self.wps[zone] = wp + u64::from(taken);
        if self.wps[zone] == end {
            self.conds[zone] = Full;
        }
        Ok(wp)
    }

    pub(super) fn manage(&mut self, op: Op, zone: usize) -> Result<(), Status> {
        if op == Op::ZONE_RESET_ALL {
            for zone in self.conv..self.conds.len() {
                if !matches!(self.conds[zone], ReadOnly | Offline) {
                    self.clear(zone);
                }
            }
            return Ok(());
        }
        match (op, self.conds[zone]) {
            (_, NotWp | ReadOnly | Offline) => return Err(Status::IOERR),
            (Op::ZONE_RESET, _) => self.clear(zone),
            (Op::ZONE_OPEN, ExplicitOpen) => {}
            (Op::ZONE_OPEN, ImplicitOpen) => self.conds[zone] = ExplicitOpen,
            (Op::ZONE_OPEN, Empty | Closed) => {
                self.make_room(zone)?;
                self.conds[zone] = ExplicitOpen;
            }
            (Op::ZONE_CLOSE, Closed) => {}
            (Op::ZONE_CLOSE, ImplicitOpen | ExplicitOpen) => self.close(zone),
            (Op::ZONE_FINISH, cond) => {
                if cond == Full && self.is_limited() {
                    return Ok(());
                }
                if matches!(cond, Empty | Closed) {
                    self.make_room(zone)?;
                }
                self.conds[zone] = Full;
                self.wps[zone] = self.start(zone) + self.len;
            }
            _ => return Err(Status::IOERR),
        }
        Ok(())
    }

    pub(super) fn fail(&mut self, how: Failure, zone: usize) -> Result {
        let cond = match how {
            Failure::ReadOnly => ReadOnly,
            Failure::Offline => Offline,
        };
        if zone < self.conv {
            return Err(EINVAL);
        }
        if self.conds[zone] == cond {
            self.clear(zone);
            return Ok(());
        }
        // Finishing opens the zone, which may close another one.
        let _ = self.manage(Op::ZONE_FINISH, zone);
        self.conds[zone] = cond;
        self.wps[zone] = u64::MAX;
        Ok(())
    }
}
