// SPDX-License-Identifier: GPL-2.0

//! What a device reports of its requests.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// How many reports there were. Shown in debugfs.
pub(crate) struct Counters {
    /// Reports upon which a request was completed.
    pub(crate) completed: Atomic<u64>,
    /// Reports that were about no request that was waiting for one.
    pub(crate) wrong: Atomic<u64>,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            completed: Atomic::new(0),
            wrong: Atomic::new(0),
        }
    }

    /// Counts reports.
    pub(crate) fn count(&self, completed: u64, wrong: u64) {
        self.completed.add(completed, Relaxed);
        if wrong > 0 {
            self.wrong.add(wrong, Relaxed);
        }
    }
}

/// What a device says when it is done with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) hw_queue: u32,
    pub(crate) tag: u32,
}

/// The reports on a completion ring, first in first out.
pub(crate) struct Reports {
    ring: KVec<Report>,
    /// The place of the oldest, and how many there are.
    first: usize,
    count: usize,
    /// How many of them the next interrupt is for.
    due: usize,
    /// Whether an interrupt is to come.
    armed: bool,
}

impl Reports {
    /// An empty ring for `size` reports. An interrupt that finds nothing is to come.
    pub(crate) fn new(size: usize) -> Result<Self> {
        Ok(Self {
            ring: KVec::from_elem(Report::default(), size, GFP_KERNEL)?,
            first: 0,
            count: 0,
            due: 0,
            armed: true,
        })
    }

    /// Adds a report. Returns whether there was room.
    #[inline]
    pub(crate) fn push(&mut self, report: Report) -> bool {
        let size = self.ring.len();
        if self.count == size {
            return false;
        }
        let mut place = self.first + self.count;
        if place >= size {
            place -= size;
        }
        self.ring[place] = report;
        self.count += 1;
        true
    }

    /// Decides whether an interrupt has to be armed for what was added. If so, it counts as armed.
    #[inline]
    pub(crate) fn arm(&mut self) -> bool {
        if self.armed || self.count == 0 {
            return false;
        }
        self.due = self.count;
        self.armed = true;
        true
    }

    /// Takes reports that the interrupt is for. Returns how many.
    pub(crate) fn take_due(&mut self, to: &mut [Report]) -> usize {
        let count = self.due.min(to.len());
        for to in &mut to[..count] {
            *to = self.ring[self.first];
            self.first += 1;
            if self.first == self.ring.len() {
                self.first = 0;
            }
        }
        self.count -= count;
        self.due -= count;
        count
    }

    /// Decides whether there is to be another interrupt, for what was added meanwhile.
    pub(crate) fn settle(&mut self) -> bool {
        self.due = self.count;
        self.armed = self.count > 0;
        self.armed
    }
}

#[kunit_tests(rnull_reports)]
mod tests {
    use super::*;

    fn report(tag: u32) -> Report {
        Report { hw_queue: 3, tag }
    }

    fn taken(reports: &mut Reports) -> Result<KVec<u32>> {
        let mut tags = KVec::new();
        let mut some = [Report::default(); 2];
        loop {
            match reports.take_due(&mut some) {
                0 => return Ok(tags),
                count => {
                    for report in &some[..count] {
                        tags.push(report.tag, GFP_KERNEL)?;
                    }
                }
            }
        }
    }

    #[test]
    fn first_interrupt_finds_nothing() -> Result {
        let mut reports = Reports::new(4)?;
        assert!(!reports.arm());
        assert_eq!(taken(&mut reports)?.len(), 0);
        assert!(!reports.settle());
        Ok(())
    }

    #[test]
    fn one_interrupt_is_for_what_was_there() -> Result {
        let mut reports = Reports::new(8)?;
        reports.settle();
        assert!(reports.push(report(1)) && reports.push(report(2)) && reports.push(report(3)));
        assert!(reports.arm());
        assert!(reports.push(report(4)));
        assert!(!reports.arm());

        assert_eq!(&*taken(&mut reports)?, &[1, 2, 3]);
        assert!(reports.settle());
        assert_eq!(&*taken(&mut reports)?, &[4]);
        assert!(!reports.settle());
        assert!(!reports.arm());
        Ok(())
    }

    #[test]
    fn ring_wraps_around_and_fills() -> Result {
        let mut reports = Reports::new(4)?;
        reports.settle();
        for round in 0..10 {
            for tag in 0..4 {
                assert!(reports.push(report(10 * round + tag)));
            }
            assert!(!reports.push(report(99)));
            assert!(reports.arm());
            let tags = taken(&mut reports)?;
            assert_eq!(&*tags, &[0, 1, 2, 3].map(|tag| 10 * round + tag));
            assert!(!reports.settle());
        }
        Ok(())
    }
}
