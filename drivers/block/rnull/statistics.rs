// SPDX-License-Identifier: GPL-2.0

//! Counters of requests, for each hardware queue. They are shown in debugfs.
//!
//! To add a counter, add a row to the table of events, and count the event.

use crate::gate;
use kernel::{
    fmt,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// Defines the events from a table.
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
    /// The block layer passed a request to the driver. Counted only while counting is on.
    Submitted => "submitted";
    /// The driver has executed a request. Counted only while counting is on.
    Completed => "completed";
    /// The driver refused or requeued a request, and the block layer dispatches it again.
    Requeued => "requeued";
    /// The driver dropped a request, and left it to its timeout.
    Dropped => "dropped";
    /// A request timed out.
    TimedOut => "timed_out";
    /// No request waited for a completion entry.
    Spurious => "spurious";
    /// The device added a completion entry for `tag_inject`.
    Injected => "injected";
    /// The block layer passed a list of requests to the driver. Counted only while counting is on.
    Batch => "batches";
}

/// The counters of a device.
pub(crate) struct Statistics {
    counting: Atomic<bool>,
    queues: KVVec<Counters>,
}

/// The counters of a hardware queue, in their own cache lines.
#[repr(align(64))]
struct Counters([Atomic<u64>; NAMES.len()]);

impl Statistics {
    /// Creates counters for `hw_queues` hardware queues. May sleep.
    pub(crate) fn new(hw_queues: u32) -> Result<Self> {
        let mut queues = KVVec::with_capacity(hw_queues as usize, GFP_KERNEL)?;
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

    /// Counts an event of a hardware queue. Called only from cold code, in any context.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, hw_queue: u32, event: Event) {
        if let Some(Counters(counters)) = self.queues.get(hw_queue as usize) {
            counters[event as usize].fetch_add(1, Relaxed);
        }
    }

    /// Counts an event that happens for each I/O, while counting is on. The gate is open then.
    #[inline]
    pub(crate) fn count_io(&self, hw_queue: u32, event: Event) {
        if self.is_counting() {
            self.count(hw_queue, event);
        }
    }

    /// Returns whether counting is on.
    pub(crate) fn is_counting(&self) -> bool {
        self.counting.load(Relaxed)
    }

    /// Switches counting of the events that happen for each I/O on or off. Opens the gate if on.
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

/// A line with the names, and a line for each hardware queue with counted events.
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
        let head =
            c"hctx submitted completed requeued dropped timed_out spurious injected batches\n\
                     2 0 0 1 0 0 0 0 0\n";
        assert_eq!(&*text, head);
        Ok(())
    }
}
