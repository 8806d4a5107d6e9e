// SPDX-License-Identifier: GPL-2.0

//! Latencies that vary from request to request: by operation, at random up to `spread`, and with a
//! tail of a few that are much longer.

use super::{
    keep_status,
    timer::TimerData,
    Done, //
};
use crate::settings::Config;
use core::num::NonZero;
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            RequestList, //
        },
        Op, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta, //
};

/// The latencies of a device, in nanoseconds.
pub(crate) struct Latency {
    read: u64,
    write: u64,
    flush: u64,
    /// The latency of all other operations.
    other: u64,
    /// The limit of the random addition. Each addition is less than it.
    spread: NonZero<u64>,
    tail: u64,
    /// One request in this many is in the tail.
    tail_ratio: Option<NonZero<u64>>,
    seed: u64,
    /// The number of latencies drawn since power-on.
    draws: Atomic<u64>,
}

impl Latency {
    /// Returns the latencies that `config` describes, or `None` if all requests have the same.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let or_all = |nsec| match nsec {
            0 => config.completion_nsec,
            nsec => nsec,
        };
        config.varies_latency().then(|| Self {
            read: or_all(config.completion_read_nsec),
            write: or_all(config.completion_write_nsec),
            flush: or_all(config.completion_flush_nsec),
            other: config.completion_nsec,
            spread: NonZero::<u64>::MIN.saturating_add(config.completion_spread_nsec),
            tail: config.completion_tail_nsec,
            tail_ratio: NonZero::new(config.completion_tail_ratio.into()),
            seed: config.seed,
            draws: Atomic::new(0),
        })
    }

    /// Completes a request with a timer of its own.
    #[inline(never)]
    pub(super) fn complete<T>(&self, done: Done<T>)
    where
        T: Operations<RequestData = TimerData<T>>,
    {
        let op = done.0.op();
        RequestList::from(keep_status(done)).start_timer(self.draw(op));
    }

    /// Completes each request of a batch with a timer of its own.
    #[inline(never)]
    pub(super) fn complete_list<T>(&self, mut list: RequestList<T, InFlight>)
    where
        T: Operations<RequestData = TimerData<T>>,
    {
        while let Some(rq) = list.pop_front() {
            let op = rq.op();
            RequestList::from(rq).start_timer(self.draw(op));
        }
    }

    /// Draws the latency of the next request. It depends on the operation, the seed and the number
    /// of draws before it.
    fn draw(&self, op: Op) -> Delta {
        let number = self.draws.fetch_add(1, Relaxed);
        let base = match op {
            Op::READ => self.read,
            Op::WRITE | Op::ZONE_APPEND => self.write,
            Op::FLUSH => self.flush,
            _ => self.other,
        };
        // Power-on has checked that the sum of all is no more than `i64::MAX`.
        Delta::from_nanos((base + self.addition(number)) as i64)
    }

    /// Returns the random part of a latency: the spread and the tail of the draw `number`.
    fn addition(&self, number: u64) -> u64 {
        let random = mix(self.seed.wrapping_add(number.wrapping_mul(STEP)));
        let tail = match self.tail_ratio {
            Some(ratio) if mix(random ^ STEP) % ratio == 0 => self.tail,
            _ => 0,
        };
        random % self.spread + tail
    }
}

/// The distance of two states of the generator: 2^64 divided by the golden ratio, and odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns a number that looks random, and depends on each bit of `state`: the output function of
/// the generator SplitMix64.
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[kunit_tests(rnull_latency)]
mod tests {
    use super::*;

    fn latency(change: impl FnOnce(&mut Config)) -> Result<Latency> {
        let mut config = Config::new();
        config.completion_nsec = 1000;
        change(&mut config);
        Latency::new(&config).ok_or(EINVAL)
    }

    fn draw(latency: &Latency, op: Op) -> i64 {
        latency.draw(op).as_nanos()
    }

    #[test]
    fn without_settings_all_are_the_same() {
        assert!(latency(|config| config.seed = 1).is_err());
    }

    #[test]
    fn operations_have_their_own() -> Result {
        let latency = latency(|config| {
            config.completion_read_nsec = 1;
            config.completion_flush_nsec = 3;
        })?;
        for (op, nsec) in [
            (Op::READ, 1),
            (Op::WRITE, 1000),
            (Op::ZONE_APPEND, 1000),
            (Op::FLUSH, 3),
            (Op::DISCARD, 1000),
        ] {
            assert_eq!(draw(&latency, op), nsec);
        }
        Ok(())
    }

    /// Each quarter of the spread gets about a quarter of 10,000 draws.
    #[test]
    fn spread_is_uniform() -> Result {
        let latency = latency(|config| config.completion_spread_nsec = 399)?;
        let mut quarters = [0u32; 4];
        for _ in 0..10_000 {
            let nsec = draw(&latency, Op::WRITE);
            assert!((1000..1400).contains(&nsec));
            quarters[(nsec as usize - 1000) / 100] += 1;
        }
        for count in quarters {
            assert!((2300..2700).contains(&count));
        }
        Ok(())
    }

    #[test]
    fn tail_has_its_share() -> Result {
        let latency = latency(|config| {
            config.completion_tail_nsec = 1_000_000;
            config.completion_tail_ratio = 100;
        })?;
        let mut tail = 0;
        for _ in 0..10_000 {
            match draw(&latency, Op::READ) {
                1000 => (),
                1_001_000 => tail += 1,
                _ => return Err(EINVAL),
            }
        }
        assert!((60..140).contains(&tail));
        Ok(())
    }

    #[test]
    fn the_longest_latency_fits() -> Result {
        let latency = latency(|config| {
            config.completion_spread_nsec = i64::MAX as u64 - 1000;
            config.completion_tail_ratio = 1;
        })?;
        for _ in 0..100 {
            assert!(draw(&latency, Op::READ) >= 1000);
        }
        Ok(())
    }

    #[test]
    fn seed_repeats_the_sequence() -> Result {
        let sequence = |seed| -> Result<KVec<i64>> {
            let latency = latency(|config| {
                config.completion_spread_nsec = 1_000_000;
                config.seed = seed;
            })?;
            let mut sequence = KVec::new();
            for _ in 0..20 {
                sequence.push(draw(&latency, Op::READ), GFP_KERNEL)?;
            }
            Ok(sequence)
        };
        assert_eq!(&*sequence(7)?, &*sequence(7)?);
        assert_ne!(&*sequence(7)?, &*sequence(8)?);
        Ok(())
    }
}
