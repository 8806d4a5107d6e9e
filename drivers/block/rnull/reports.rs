// SPDX-License-Identifier: GPL-2.0

//! What a device reports of its requests.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// How many reports there were on each completion ring. Shown in debugfs.
pub(crate) struct Counters(KVec<Counter>);

struct Counter {
    completed: Atomic<u64>,
    wrong: Atomic<u64>,
    invented: Atomic<u64>,
}

impl Counter {
    /// Counts without an atomic read-modify-write.
    #[inline]
    fn count(count: &Atomic<u64>, more: u64) {
        count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
    }
}

impl Counters {
    /// Counters for `rings` completion rings.
    pub(crate) fn new(rings: usize) -> Result<Self> {
        let mut counters = KVec::with_capacity(rings, GFP_KERNEL)?;
        for _ in 0..rings {
            let counter = Counter {
                completed: Atomic::new(0),
                wrong: Atomic::new(0),
                invented: Atomic::new(0),
            };
            counters.push(counter, GFP_KERNEL)?;
        }
        Ok(Self(counters))
    }

    /// Counts reports on a ring: those upon which a request was completed, and those that were
    /// about no request that was waiting for one.
    ///
    /// Only the interrupt handler of the ring counts, so this takes no atomic read-modify-write.
    #[inline]
    pub(crate) fn count(&self, ring: usize, completed: u64, wrong: u64) {
        if let Some(counter) = self.0.get(ring) {
            Counter::count(&counter.completed, completed);
            Counter::count(&counter.wrong, wrong);
        }
    }

    /// Counts a report on a ring that was made up.
    ///
    /// Only who has locked the ring counts.
    pub(crate) fn count_invented(&self, ring: usize) {
        if let Some(counter) = self.0.get(ring) {
            Counter::count(&counter.invented, 1);
        }
    }

    /// All reports upon which a request was completed.
    pub(crate) fn completed(&self) -> u64 {
        self.0.iter().map(|c| c.completed.load(Relaxed)).sum()
    }

    /// All reports that were about no request that was waiting for one.
    pub(crate) fn wrong(&self) -> u64 {
        self.0.iter().map(|c| c.wrong.load(Relaxed)).sum()
    }

    /// All reports that were made up. When no request is on its way, as many were wrong: if one of
    /// them was taken for right, the right one was not. Each request that was late, and so ended
    /// before it was reported, makes one wrong report more.
    pub(crate) fn invented(&self) -> u64 {
        self.0.iter().map(|c| c.invented.load(Relaxed)).sum()
    }
}

/// What a device says when it is done with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) hw_queue: u32,
    pub(crate) tag: u32,
}

/// What comes after the reports that an interrupt handler has taken from a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More reports that the interrupt is for.
    More,
    /// Another interrupt, which counts as armed.
    Interrupt,
    /// Nothing: whoever adds the next report arms an interrupt.
    Nothing,
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

    /// Takes reports that the interrupt is for. Returns how many, and what comes after them.
    pub(crate) fn take_due(&mut self, to: &mut [Report]) -> (usize, Next) {
        let count = self.due.min(to.len());
        let to_end = count.min(self.ring.len() - self.first);
        let (first, rest) = to[..count].split_at_mut(to_end);
        first.copy_from_slice(&self.ring[self.first..][..to_end]);
        rest.copy_from_slice(&self.ring[..count - to_end]);
        self.first += count;
        if self.first >= self.ring.len() {
            self.first -= self.ring.len();
        }
        self.count -= count;
        self.due -= count;
        (count, self.settle())
    }

    /// Arms another interrupt, for what was added meanwhile, if this one has nothing left to do.
    fn settle(&mut self) -> Next {
        if self.due > 0 {
            return Next::More;
        }
        self.due = self.count;
        self.armed = self.count > 0;
        if self.armed {
            Next::Interrupt
        } else {
            Next::Nothing
        }
    }
}

#[kunit_tests(rnull_reports)]
mod tests {
    use super::*;

    fn report(tag: u32) -> Report {
        Report { hw_queue: 3, tag }
    }

    /// A ring whose first interrupt is over.
    fn ring(size: usize) -> Result<Reports> {
        let mut reports = Reports::new(size)?;
        assert_eq!(taken(&mut reports)?.1, Next::Nothing);
        Ok(reports)
    }

    /// Handles one interrupt: the tags, and what comes after it.
    fn taken(reports: &mut Reports) -> Result<(KVec<u32>, Next)> {
        let mut tags = KVec::new();
        loop {
            let mut some = [Report::default(); 2];
            let (count, next) = reports.take_due(&mut some);
            for report in &some[..count] {
                tags.push(report.tag, GFP_KERNEL)?;
            }
            if next != Next::More {
                return Ok((tags, next));
            }
        }
    }

    #[test]
    fn reports_are_counted_by_ring() -> Result {
        let counters = Counters::new(2)?;
        counters.count(0, 3, 0);
        counters.count(1, 1, 2);
        counters.count(0, 5, 1);
        // There is no such ring.
        counters.count(2, 7, 7);
        assert_eq!((counters.completed(), counters.wrong()), (9, 3));
        counters.count_invented(1);
        assert_eq!((counters.invented(), counters.wrong()), (1, 3));
        Ok(())
    }

    #[test]
    fn first_interrupt_finds_nothing() -> Result {
        let mut reports = Reports::new(4)?;
        assert!(!reports.arm());
        let (tags, next) = taken(&mut reports)?;
        assert_eq!((tags.len(), next), (0, Next::Nothing));
        assert!(!reports.arm());
        Ok(())
    }

    #[test]
    fn one_interrupt_is_for_what_was_there() -> Result {
        let mut reports = ring(8)?;
        assert!(reports.push(report(1)) && reports.push(report(2)) && reports.push(report(3)));
        assert!(reports.arm());
        assert!(reports.push(report(4)));
        assert!(!reports.arm());

        let (tags, next) = taken(&mut reports)?;
        assert_eq!(&*tags, &[1, 2, 3]);
        assert_eq!(next, Next::Interrupt);
        assert!(!reports.arm());
        let (tags, next) = taken(&mut reports)?;
        assert_eq!(&*tags, &[4]);
        assert_eq!(next, Next::Nothing);
        assert!(!reports.arm());
        Ok(())
    }

    #[test]
    fn ring_wraps_around_and_fills() -> Result {
        // The places of a round are taken in pairs, of which some lie at both ends.
        for size in [4, 5] {
            let mut reports = ring(size)?;
            for round in 0..10 {
                let tags = |at: usize| 10 * round + at as u32;
                for at in 0..size {
                    assert!(reports.push(report(tags(at))));
                }
                assert!(!reports.push(report(99)));
                assert!(reports.arm());
                let mut some = [Report::default(); 3];
                assert_eq!(reports.take_due(&mut some), (3, Next::More));
                assert_eq!(some.map(|report| report.tag), [0, 1, 2].map(tags));
                assert!(reports.push(report(50)));
                let (rest, next) = taken(&mut reports)?;
                assert_eq!(next, Next::Interrupt);
                assert_eq!(rest.len(), size - 3);
                for (at, &tag) in rest.iter().enumerate() {
                    assert_eq!(tag, tags(at + 3));
                }
                let (rest, next) = taken(&mut reports)?;
                assert_eq!(&*rest, &[50]);
                assert_eq!(next, Next::Nothing);
            }
        }
        Ok(())
    }
}
