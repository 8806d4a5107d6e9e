// SPDX-License-Identifier: GPL-2.0

//! What a device reports of its requests.

use kernel::{
    new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        barrier::smp_mb,
        SpinLockIrq,
        SpinLockIrqGuard, //
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

impl Report {
    #[inline]
    fn pack(self) -> u64 {
        u64::from(self.hw_queue) << u32::BITS | u64::from(self.tag)
    }

    #[inline]
    fn unpack(packed: u64) -> Self {
        Self {
            hw_queue: (packed >> u32::BITS) as u32,
            tag: packed as u32,
        }
    }
}

/// The reports on a completion ring, first in first out.
///
/// As with hardware, two sides use it at the same time. The device adds reports and arms the
/// interrupt, on one CPU at a time, which is what the lock is for. The interrupt handler takes them
/// without the lock; it never runs on two CPUs at a time.
///
/// The numbers are those of reports since the beginning, and wrap around. The armed interrupt is
/// for those from `taken` to `due`, so that none is armed while these two are the same. From `due`
/// to `added` are those for the next one.
#[pin_data]
pub(crate) struct Reports {
    /// As many as a power of two, so that places follow from wrapping numbers.
    ring: KVec<Atomic<u64>>,
    /// Written by the device.
    added: Atomic<usize>,
    /// Written by who has the lock.
    due: Atomic<usize>,
    /// Written by the interrupt handler.
    taken: Atomic<usize>,
    #[pin]
    lock: SpinLockIrq<()>,
}

/// The device's side of a ring.
pub(crate) struct Device<'a> {
    reports: &'a Reports,
    _guard: SpinLockIrqGuard<'a, ()>,
}

/// The reports that an interrupt is for.
pub(crate) struct Due<'a> {
    reports: &'a Reports,
    taken: usize,
    end: usize,
}

impl Reports {
    /// An empty ring for `size` reports or more.
    pub(crate) fn new(size: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            ring: {
                let size = size.next_power_of_two();
                let mut ring = KVec::with_capacity(size, GFP_KERNEL)?;
                for _ in 0..size {
                    ring.push(Atomic::new(0), GFP_KERNEL)?;
                }
                ring
            },
            added: Atomic::new(0),
            due: Atomic::new(0),
            taken: Atomic::new(0),
            lock <- new_spinlock_irq!(()),
        })
    }

    /// The place of the report with this number.
    #[inline]
    fn place(&self, number: usize) -> &Atomic<u64> {
        &self.ring[number & (self.ring.len() - 1)]
    }

    /// Locks the device's side. Interrupts of this CPU are off for as long.
    #[inline]
    pub(crate) fn device(&self) -> Device<'_> {
        Device {
            reports: self,
            _guard: self.lock.lock(),
        }
    }

    /// The reports that the interrupt at hand is for. Only for the interrupt handler.
    #[inline]
    pub(crate) fn interrupt(&self) -> Due<'_> {
        Due {
            reports: self,
            taken: self.taken.load(Relaxed),
            // ORDERING: Acquire, paired with the Release in `Device::arm`, so that the reports
            // before it are seen.
            end: self.due.load(Acquire),
        }
    }
}

impl Device<'_> {
    /// Adds a report. Returns whether there was room.
    #[inline]
    pub(crate) fn push(&mut self, report: Report) -> bool {
        let added = self.reports.added.load(Relaxed);
        // ORDERING: Acquire, paired with the Release in `Due::next`: the store below must not
        // overwrite a place that has not been read.
        let taken = self.reports.taken.load(Acquire);
        if added.wrapping_sub(taken) == self.reports.ring.len() {
            return false;
        }
        self.reports.place(added).store(report.pack(), Relaxed);
        self.reports.added.store(added.wrapping_add(1), Relaxed);
        true
    }

    /// Arms an interrupt for what was added, if none is. Returns whether the caller has to start
    /// its timer.
    #[inline]
    pub(crate) fn arm(&mut self) -> bool {
        let added = self.reports.added.load(Relaxed);
        let due = self.reports.due.load(Relaxed);
        if added == due || self.is_armed(due) {
            return false;
        }
        // ORDERING: Release, paired with the Acquire in `Reports::interrupt`.
        self.reports.due.store(added, Release);
        true
    }

    /// Whether an interrupt is armed, and will arm the next one for what was added.
    #[inline]
    fn is_armed(&self, due: usize) -> bool {
        if self.reports.taken.load(Relaxed) == due {
            return false;
        }
        // The handler may have taken the last report just now.
        // ORDERING: Either it is seen here to have done so, or it sees in `Due::finish` what was
        // added, behind a full barrier, too.
        smp_mb(Full);
        self.reports.taken.load(Relaxed) != due
    }
}

impl Iterator for Due<'_> {
    type Item = Report;

    /// Takes a report.
    #[inline]
    fn next(&mut self) -> Option<Report> {
        if self.taken == self.end {
            return None;
        }
        let report = Report::unpack(self.reports.place(self.taken).load(Relaxed));
        self.taken = self.taken.wrapping_add(1);
        // ORDERING: Release, paired with the Acquire in `Device::push`.
        self.reports.taken.store(self.taken, Release);
        Some(report)
    }
}

impl Due<'_> {
    /// Ends the interrupt, when all its reports were taken. Returns whether another one was armed
    /// for what was added meanwhile, so that the caller has to start its timer.
    ///
    /// The caller has to have a full memory barrier between taking the last report and this: either
    /// this sees what was added before `is_armed` looked, or that sees that the last report was
    /// taken. To find the request of a report is such a barrier already, so there is none in here.
    #[inline]
    pub(crate) fn finish(self) -> bool {
        // Mostly nothing was, and then the lock is not taken.
        self.reports.added.load(Relaxed) != self.end && self.reports.device().arm()
    }
}

#[kunit_tests(rnull_reports)]
mod tests {
    use super::*;

    fn report(tag: u32) -> Report {
        Report { hw_queue: 3, tag }
    }

    fn ring(size: usize) -> Result<Pin<KBox<Reports>>> {
        KBox::pin_init(Reports::new(size), GFP_KERNEL)
    }

    fn push(reports: &Reports, tag: u32) -> bool {
        reports.device().push(report(tag))
    }

    /// Handles one interrupt: the tags, and whether another one is armed.
    fn taken(reports: &Reports) -> Result<(KVec<u32>, bool)> {
        let mut tags = KVec::new();
        let mut due = reports.interrupt();
        for report in &mut due {
            assert_eq!(report.hw_queue, 3);
            tags.push(report.tag, GFP_KERNEL)?;
        }
        smp_mb(Full);
        Ok((tags, due.finish()))
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
    fn reports_keep_their_numbers() {
        for (hw_queue, tag) in [
            (0, 0),
            (0, u32::MAX),
            (u32::MAX, 0),
            (7, 9),
            (1 << 31, 1 << 31),
        ] {
            let report = Report { hw_queue, tag };
            assert_eq!(Report::unpack(report.pack()), report);
        }
    }

    #[test]
    fn nothing_arms_no_interrupt() -> Result {
        let reports = ring(4)?;
        assert!(!reports.device().arm());
        let (tags, again) = taken(&reports)?;
        assert_eq!((tags.len(), again), (0, false));
        assert!(!reports.device().arm());
        Ok(())
    }

    #[test]
    fn one_interrupt_is_for_what_was_there() -> Result {
        let reports = ring(8)?;
        assert!(push(&reports, 1) && push(&reports, 2) && push(&reports, 3));
        assert!(reports.device().arm());
        assert!(push(&reports, 4));
        assert!(!reports.device().arm());

        let (tags, again) = taken(&reports)?;
        assert_eq!(&*tags, &[1, 2, 3]);
        assert!(again);
        assert!(!reports.device().arm());
        let (tags, again) = taken(&reports)?;
        assert_eq!(&*tags, &[4]);
        assert!(!again);
        assert!(!reports.device().arm());
        Ok(())
    }

    #[test]
    fn device_arms_while_interrupt_ends() -> Result {
        let reports = ring(8)?;
        assert!(push(&reports, 1) && reports.device().arm());
        let mut due = reports.interrupt();
        // Until the last report is taken it is the handler that arms.
        assert!(push(&reports, 2) && !reports.device().arm());
        assert_eq!(due.next(), Some(report(1)));
        // From then on who comes first does, and the other doesn't.
        assert!(reports.device().arm() && !reports.device().arm());
        assert_eq!(due.next(), None);
        smp_mb(Full);
        assert!(!due.finish());
        let (tags, again) = taken(&reports)?;
        assert_eq!((&*tags, again), (&[2][..], false));
        Ok(())
    }

    #[test]
    fn ring_wraps_around_and_fills() -> Result {
        for (wanted, size) in [(4, 4), (5, 8)] {
            let reports = ring(wanted)?;
            for round in 0..10 {
                let tags = |at: usize| 10 * round + at as u32;
                for at in 0..size {
                    assert!(push(&reports, tags(at)));
                }
                assert!(!push(&reports, 99));
                assert!(reports.device().arm());
                let mut due = reports.interrupt();
                for at in 0..3 {
                    assert_eq!(due.next(), Some(report(tags(at))));
                }
                assert!(push(&reports, 50));
                for at in 3..size {
                    assert_eq!(due.next(), Some(report(tags(at))));
                }
                assert_eq!(due.next(), None);
                smp_mb(Full);
                assert!(due.finish());
                let (rest, again) = taken(&reports)?;
                assert_eq!((&*rest, again), (&[50][..], false));
            }
        }
        Ok(())
    }
}
