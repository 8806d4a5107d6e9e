// SPDX-License-Identifier: GPL-2.0

//! The bandwidth limit of a device: a leaky bucket.
//!
//! The state is the time at which all admitted requests are done, at the bandwidth of the limit. A
//! request is admitted once this time has come, even if it is large, and advances the time by its
//! own duration. Up to [`BURST`] of idle time is credited.

use core::num::NonZero;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::{
        Instant,
        Monotonic,
        NSEC_PER_SEC, //
    },
};

/// The idle time that is credited at most, in nanoseconds. The block layer dispatches a refused
/// request again within this time, even on a busy machine.
const BURST: i64 = 50_000_000;

/// A limit of bandwidth.
pub(crate) struct Throttle {
    /// The limit in bytes per second.
    bandwidth: NonZero<u64>,
    /// The time from which `done` counts.
    start: Instant<Monotonic>,
    /// The time at which all admitted requests are done, in nanoseconds after `start`.
    done: Atomic<i64>,
}

impl Throttle {
    /// Returns a limit of `mbps` MiB/s, or `None` if `mbps` is zero.
    pub(crate) fn new(mbps: u32) -> Option<Self> {
        Some(Self {
            bandwidth: NonZero::new(u64::from(mbps) << crate::settings::MIB_SHIFT)?,
            start: Instant::now(),
            done: Atomic::new(0),
        })
    }

    /// Returns whether a request of `bytes` bytes is admitted now. If so, it counts towards the
    /// limit. Does not sleep.
    pub(crate) fn admit(&self, bytes: u32) -> bool {
        let now = self.start.elapsed().as_nanos();
        let mut done = self.done.load(Relaxed);
        while let Some(next) = admit(done, now, self.duration(bytes)) {
            match self.done.cmpxchg(done, next, Relaxed) {
                Ok(_) => return true,
                Err(other) => done = other,
            }
        }
        false
    }

    /// Returns the time that `bytes` bytes take at the limit, in nanoseconds.
    fn duration(&self, bytes: u32) -> i64 {
        // At most 2^32 * 10^9, which is less than 2^62.
        (u64::from(bytes) * NSEC_PER_SEC as u64 / self.bandwidth) as i64
    }
}

/// Admits a request that takes `duration`, if the time `now` has reached `done`. Returns the new
/// value of `done`, or `None` if the request is refused. All times are in nanoseconds.
fn admit(done: i64, now: i64, duration: i64) -> Option<i64> {
    (done <= now).then(|| done.max(now - BURST) + duration)
}

#[kunit_tests(rnull_throttle)]
mod tests {
    use super::*;

    #[test]
    fn durations() -> Result {
        let throttle = Throttle::new(100).ok_or(EINVAL)?;
        assert_eq!(throttle.duration(0), 0);
        assert_eq!(throttle.duration(1 << 20), 10_000_000);
        assert_eq!(throttle.duration(4096), 39_062);
        assert_eq!(throttle.duration(u32::MAX), 40_959_999_990);
        assert_eq!(Throttle::new(40 * 1024).ok_or(EINVAL)?.duration(512), 11);
        assert!(Throttle::new(0).is_none());
        Ok(())
    }

    #[test]
    fn busy_devices_take_nothing() {
        assert_eq!(admit(1000, 999, 10), None);
        assert_eq!(admit(1000, 1000, 10), Some(1010));
        assert_eq!(admit(1000, 1500, 10), Some(1010));
    }

    #[test]
    fn idle_time_is_credited_up_to_a_burst() {
        assert_eq!(admit(0, BURST, 10), Some(10));
        assert_eq!(admit(0, BURST + 5, 10), Some(15));
        assert_eq!(admit(0, 100 * BURST, 10), Some(99 * BURST + 10));
    }

    #[test]
    fn large_requests_are_admitted() {
        // A request of ten bursts is admitted at once, and delays the next one.
        assert_eq!(admit(0, 0, 10 * BURST), Some(10 * BURST));
        assert_eq!(admit(10 * BURST, 9 * BURST, 1), None);
    }

    #[test]
    fn bandwidth_is_kept_in_the_long_run() {
        // For a second, a request of 3 ms is submitted each millisecond.
        let mut done = 0;
        let mut taken = 0;
        for now in (0..1_000_000_000).step_by(1_000_000) {
            if let Some(next) = admit(done, now, 3_000_000) {
                done = next;
                taken += 1;
            }
        }
        assert_eq!(taken, 334);
    }
}
