// SPDX-License-Identifier: GPL-2.0

//! Counters of requests, for each hardware queue. debugfs shows them.
//!
//! To add a counter, add an event to the table, and count it.

use crate::faults::gate;
use kernel::{
    fmt,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// Makes the events out of a table.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident => $name:literal;)*) => {
        /// An event that is counted.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Event {
            $($(#[$doc])* $event,)*
        }

        /// The names of the events, in order.
        const NAMES: &[&str] = &[$($name),*];
    };
}

events! {
    /// The block layer has called the driver with a request. Counted only while counting is on.
    Submitted => "submitted";
    /// A request was executed and is being completed. Counted only while counting is on.
    Completed => "completed";
    /// A request went back to the block layer, which submits it again.
    Requeued => "requeued";
    /// The timeout of a request has expired.
    TimedOut => "timed_out";
    /// A completion entry named no request that waited for it.
    Spurious => "spurious";
    /// The device has added a completion entry that is wrong, on purpose.
    Injected => "injected";
    /// The block layer has called the driver with a list of requests. Counted only while counting
    /// is on.
    Batch => "batches";
}

/// The counters of a device.
pub(crate) struct Statistics {
    counting: Atomic<bool>,
    queues: KVec<Counters>,
}

/// The counters of a hardware queue, in cache lines of their own.
#[repr(align(64))]
struct Counters([Atomic<u64>; NAMES.len()]);

impl Statistics {
    /// Makes counters for `hw_queues` hardware queues.
    pub(crate) fn new(hw_queues: u32) -> Result<Self> {
        let mut queues = KVec::with_capacity(hw_queues as usize, GFP_KERNEL)?;
        for _ in 0..hw_queues {
            queues.push(
                Counters([const { Atomic::new(0) }; NAMES.len()]),
                GFP_KERNEL,
            )?;
        }
        Ok(Self {
            counting: Atomic::new(false),
            queues,
        })
    }

    /// Counts an event of a hardware queue. Only cold code counts.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, hw_queue: u32, event: Event) {
        if let Some(Counters(counters)) = self.queues.get(hw_queue as usize) {
            counters[event as usize].fetch_add(1, Relaxed);
        }
    }

    /// Counts an event of a hardware queue that happens for each I/O. The gate is open whenever
    /// counting is on.
    #[inline]
    pub(crate) fn count_io(&self, hw_queue: u32, event: Event) {
        if self.is_counting() {
            self.count(hw_queue, event);
        }
    }

    /// Whether each I/O is counted.
    pub(crate) fn is_counting(&self) -> bool {
        self.counting.load(Relaxed)
    }

    /// Starts or stops to count each I/O.
    pub(crate) fn set_counting(&self, counting: bool) {
        self.counting.store(counting, Relaxed);
        if counting {
            gate::open();
        }
    }

    #[cfg(CONFIG_KUNIT = "y")]
    fn get(&self, hw_queue: usize, event: Event) -> u64 {
        self.queues[hw_queue].0[event as usize].load(Relaxed)
    }
}

/// A line with the names, and one for each hardware queue on which an event was counted.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hctx")?;
        for name in NAMES {
            f.write_str(" ")?;
            f.write_str(name)?;
        }
        f.write_str("\n")?;
        for (hw_queue, Counters(counters)) in self.queues.iter().enumerate() {
            let counts = counters.each_ref().map(|counter| counter.load(Relaxed));
            if counts.iter().any(|&count| count != 0) {
                write!(f, "{hw_queue}")?;
                for count in counts {
                    write!(f, " {count}")?;
                }
                f.write_str("\n")?;
            }
        }
        Ok(())
    }
}

#[kunit_tests(rnull_statistics)]
mod tests {
    use super::*;
    use kernel::str::CString;

    #[test]
    fn each_hardware_queue_has_its_counters() -> Result {
        let statistics = Statistics::new(2)?;
        statistics.count(0, Event::Spurious);
        statistics.count(1, Event::TimedOut);
        statistics.count(1, Event::TimedOut);
        // There is no such hardware queue.
        statistics.count(2, Event::Spurious);
        assert_eq!(statistics.get(0, Event::Spurious), 1);
        assert_eq!(statistics.get(0, Event::TimedOut), 0);
        assert_eq!(statistics.get(1, Event::TimedOut), 2);
        Ok(())
    }

    #[test]
    fn io_is_counted_only_on_demand() -> Result {
        let statistics = Statistics::new(1)?;
        statistics.count_io(0, Event::Submitted);
        assert_eq!(statistics.get(0, Event::Submitted), 0);
        statistics.set_counting(true);
        statistics.count_io(0, Event::Submitted);
        statistics.set_counting(false);
        statistics.count_io(0, Event::Submitted);
        assert_eq!(statistics.get(0, Event::Submitted), 1);
        Ok(())
    }

    #[test]
    fn lines_are_for_hardware_queues_with_events() -> Result {
        let statistics = Statistics::new(3)?;
        statistics.count(2, Event::Requeued);
        let text = CString::try_from_fmt(fmt!("{statistics}"))?;
        let head = c"hctx submitted completed requeued timed_out spurious injected batches\n\
                     2 0 0 1 0 0 0 0\n";
        assert_eq!(&*text, head);
        Ok(())
    }
}
