// SPDX-License-Identifier: GPL-2.0

//! Limiting the bandwidth of a device.
//!
//! A request is let in when those before it would have been carried out at the asked bandwidth. Up
//! to [`BURST`] of time that was not used is made up for. All that is kept is the time at which the
//! device would be done with what it was given.

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

/// How much time is made up for, in nanoseconds: longer than the block layer takes to try again,
/// also on a busy machine.
const BURST: i64 = 50_000_000;

/// A limit of bandwidth.
pub(crate) struct Throttle {
    /// Bytes in a second.
    bandwidth: NonZero<u64>,
    /// Times count from here.
    start: Instant<Monotonic>,
    /// When the device is done with what it was given, in nanoseconds after `start`.
    done: Atomic<i64>,
}

impl Throttle {
    /// A limit of `mbps` MiB/s; none if that is zero.
    pub(crate) fn new(mbps: u32) -> Option<Self> {
        Some(Self {
            bandwidth: NonZero::new(u64::from(mbps) << crate::settings::MIB_SHIFT)?,
            start: Instant::now(),
            done: Atomic::new(0),
        })
    }

    /// Whether a request of `bytes` may be carried out now. If so, it counts as carried out.
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

    /// How long `bytes` take, in nanoseconds.
    fn duration(&self, bytes: u32) -> i64 {
        // At most 2^32 * 10^9, which is less than 2^62.
        (u64::from(bytes) * NSEC_PER_SEC as u64 / self.bandwidth) as i64
    }
}

/// When the device is done, if it takes another request at `now` that keeps it busy for `duration`.
/// None if it is still busy then.
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
        // As long as ten bursts: let in, and paid for afterwards.
        assert_eq!(admit(0, 0, 10 * BURST), Some(10 * BURST));
        assert_eq!(admit(10 * BURST, 9 * BURST, 1), None);
    }

    #[test]
    fn bandwidth_is_kept_in_the_long_run() {
        // Requests of 3 ms, asked for each 1 ms for a second.
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
