// SPDX-License-Identifier: GPL-2.0

//! Concurrent operations on zones. A zone is closed to make room for another one during a write,
//! and several threads execute random operations.

use super::{
    random::Random,
    zones,
    BackingStore,
    Discard,
    MIB, //
};
use crate::{
    settings::Config,
    zoned::{
        Locking,
        Zones, //
    }, //
};
use kernel::{
    block::{
        Op,
        Status,
        ZoneCond::*, //
    },
    prelude::*,
    sync::{
        Arc,
        Completion, //
    },
    time::{
        delay::fsleep,
        Delta,
        Instant, //
    },
    workqueue, //
};

const ZONE: u64 = 4 * MIB;

/// Four zones, of which one can be open.
fn device() -> Result<Arc<Zones>> {
    zones(
        Locking::Sleeping,
        Config {
            zone_size: 4,
            zone_max_open: 1,
            ..Config::new()
        },
        16,
    )
}

/// A backing store whose writes wait until another thread has executed `op` on zone 1.
struct Slow<'a> {
    zones: &'a Arc<Zones>,
    op: Op,
}

impl Slow<'_> {
    fn elsewhere(&self) -> Result {
        let (zones, op) = (self.zones.clone(), self.op);
        let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let signal = done.clone();
        workqueue::system().try_spawn(GFP_KERNEL, move || {
            zones.op(op, ZONE, 8);
            signal.complete_all();
        })?;
        done.wait_for_completion();
        Ok(())
    }
}

impl BackingStore for Slow<'_> {
    fn transfer(&mut self, _op: Op, _sector: u64, sectors: u32) -> (Status, u32) {
        match self.elsewhere() {
            Ok(()) => (Status::OK, sectors),
            Err(error) => (error.into(), 0),
        }
    }
}

impl Discard for Slow<'_> {
    fn discard(&mut self, _sector: u64, _sectors: u64) {}
}

/// Writes to zone 0. During the write, another thread executes `op` on zone 1.
fn write(zones: &Arc<Zones>, sector: u64, sectors: u32, op: Op) -> Status {
    let mut store = Slow { zones, op };
    zones.process(Op::WRITE, sector, sectors, &mut store).status
}

/// The number of threads that execute random operations.
const JOBS: u64 = 4;
const OPERATIONS: u32 = 4_000;

/// A backing store on which some writes take longer.
struct Unsteady<'a>(&'a mut Random);

impl BackingStore for Unsteady<'_> {
    fn transfer(&mut self, _op: Op, _sector: u64, sectors: u32) -> (Status, u32) {
        if self.0.one_in(8) {
            fsleep(Delta::from_micros(20));
        }
        (Status::OK, sectors)
    }
}

impl Discard for Unsteady<'_> {
    fn discard(&mut self, _sector: u64, _sectors: u64) {}
}

/// Executes random operations on the zones.
fn shake(zones: &Zones, mut random: Random) {
    for _ in 0..OPERATIONS {
        let sector = random.below(4) * ZONE;
        let op = match random.below(20) {
            0 => Op::ZONE_OPEN,
            1..3 => Op::ZONE_CLOSE,
            3 => Op::ZONE_RESET,
            4 => Op::ZONE_FINISH,
            _ => Op::ZONE_APPEND,
        };
        let sectors = 1 + random.below(1500) as u32;
        zones.process(op, sector, sectors, &mut Unsteady(&mut random));
    }
}

/// Starts threads that execute random operations, and waits for them.
fn shake_all(zones: &Arc<Zones>) -> Result {
    let mut jobs = KVec::new();
    let began = Instant::now();
    for job in 1..=JOBS {
        let random = Random(Random::seeded(began).below(u64::MAX) ^ job);
        pr_info!("zones: seed {:#x}\n", random.0);
        let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        jobs.push(done.clone(), GFP_KERNEL)?;
        let zones = zones.clone();
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            shake(&zones, random);
            done.complete_all();
        })?;
    }
    for done in &jobs {
        done.wait_for_completion();
    }
    Ok(())
}

#[kunit_tests(rnull_zoned_race)]
mod tests {
    use super::*;

    #[test]
    fn empty_zone_is_opened_again() -> Result {
        let zones = device()?;
        assert_eq!(write(&zones, 0, 8, Op::WRITE), Status::OK);
        // Zone 1 was opened by its write, and closed again to make room for zone 0.
        assert_eq!(zones.look(0), (ImplicitOpen, 8));
        assert_eq!(zones.look(1), (Closed, ZONE + 8));
        assert_eq!(zones.counts(), [1, 0, 1]);
        Ok(())
    }

    #[test]
    fn empty_zone_that_cannot_be_opened_again() -> Result {
        let zones = device()?;
        let too_many = Status::ZONE_OPEN_RESOURCE;
        assert_eq!(write(&zones, 0, 8, Op::ZONE_OPEN), too_many);
        assert_eq!(zones.look(0), (Empty, 0));
        assert_eq!(zones.look(1), (ExplicitOpen, ZONE));
        assert_eq!(zones.counts(), [0, 1, 0]);
        Ok(())
    }

    #[test]
    fn zone_with_data_stays_closed() -> Result {
        let zones = device()?;
        assert_eq!(zones.try_write(0, 8), Status::OK);
        assert_eq!(write(&zones, 8, 8, Op::WRITE), Status::OK);
        assert_eq!(zones.look(0), (Closed, 16));
        assert_eq!(zones.look(1), (ImplicitOpen, ZONE + 8));
        assert_eq!(zones.counts(), [1, 0, 1]);
        Ok(())
    }

    #[test]
    fn zone_that_gets_full_is_not_closed() -> Result {
        let zones = device()?;
        assert_eq!(zones.try_write(0, 8), Status::OK);
        assert_eq!(write(&zones, 8, ZONE as u32 - 8, Op::WRITE), Status::OK);
        assert_eq!(zones.look(0), (Full, ZONE));
        assert_eq!(zones.counts(), [1, 0, 0]);
        Ok(())
    }

    #[test]
    fn counts_match_the_zones() -> Result {
        let config = Config {
            zone_size: 4,
            zone_max_open: 2,
            zone_max_active: 3,
            ..Config::new()
        };
        let zones = zones(Locking::Sleeping, config, 16)?;
        shake_all(&zones)?;

        let count = |cond| (0..4).filter(|&zone| zones.look(zone).0 == cond).count() as u32;
        let counts = [count(ImplicitOpen), count(ExplicitOpen), count(Closed)];
        assert_eq!(zones.counts(), counts);
        assert!(counts[0] + counts[1] <= 2);
        assert!(counts[0] + counts[1] + counts[2] <= 3);
        for zone in 0..4 {
            let (cond, wp) = zones.look(zone);
            let start = zone as u64 * ZONE;
            assert!(cond != Empty || wp == start);
            assert!(cond != Closed || wp > start);
        }
        Ok(())
    }
}
