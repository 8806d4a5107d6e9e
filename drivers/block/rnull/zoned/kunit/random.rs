// SPDX-License-Identifier: GPL-2.0

//! Random operations. After each of them, the zones are compared with a model.

use super::{
    model::Model,
    zones,
    Null,
    Outcome,
    MIB, //
};
use crate::{
    settings::Config,
    zoned::{
        Failure,
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
    sync::Arc,
    time::{
        Instant,
        Monotonic, //
    }, //
};

/// A pseudorandom number generator (xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Returns a generator whose seed is the time since `began` in nanoseconds.
    pub(super) fn seeded(began: Instant<Monotonic>) -> Self {
        let nanos = began.elapsed().as_nanos() as u64;
        Self(nanos.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

const ZONE: u64 = 2 * MIB;
const CONVENTIONAL: usize = 2;
const ZONES: usize = 10;

struct Pair {
    zones: Arc<Zones>,
    model: Model,
    random: Random,
}

impl Pair {
    fn new(locking: Locking, capacity: u64, max_open: u32, max_active: u32) -> Result<Self> {
        let began = Instant::now();
        let config = Config {
            zone_size: 2,
            zone_capacity: capacity,
            zone_nr_conv: CONVENTIONAL as u32,
            zone_max_open: max_open,
            zone_max_active: max_active,
            ..Config::new()
        };
        Ok(Self {
            zones: zones(locking, config, 2 * ZONES as u64)?,
            model: Model::new(
                (ZONE, capacity * MIB),
                (CONVENTIONAL, ZONES),
                (max_open as usize, max_active as usize),
            )?,
            random: Random::seeded(began),
        })
    }

    /// Executes a random operation on the zones and on the model. Returns whether both had the same
    /// result.
    fn step(&mut self) -> bool {
        let zone = self.random.below(ZONES as u64) as usize;
        match self.random.below(100) {
            0..60 => self.write(zone),
            60..70 => self.manage(Op::ZONE_OPEN, zone),
            70..80 => self.manage(Op::ZONE_CLOSE, zone),
            80..84 => self.manage(Op::ZONE_FINISH, zone),
            84..90 => self.manage(Op::ZONE_RESET, zone),
            90 => self.manage(Op::ZONE_RESET_ALL, zone),
            91..94 => self.fail(zone),
            _ => self.read(zone),
        }
    }

    fn write(&mut self, zone: usize) -> bool {
        let random = &mut self.random;
        let sectors = 1 + random.below(1500) as u32;
        let start = zone as u64 * ZONE;
        let append = random.one_in(3);
        let wp = self.model.wps[zone];
        let sector = if append || random.one_in(20) || wp < start || wp >= start + ZONE {
            start + random.below(ZONE)
        } else {
            wp
        };
        let taken = if random.one_in(20) {
            random.below(u64::from(sectors)) as u32
        } else {
            sectors
        };
        let failed = taken != sectors;

        let mut store = Null {
            fault: failed.then_some((Status::MEDIUM, taken)),
            ..Null::default()
        };
        let op = if append { Op::ZONE_APPEND } else { Op::WRITE };
        let got = self.zones.process(op, sector, sectors, &mut store);

        let at = (!append).then_some(sector);
        let expected = match self.model.write(zone, at, sectors, taken) {
            Ok(position) => Outcome {
                status: if failed { Status::MEDIUM } else { Status::OK },
                position: append.then_some(position),
            },
            Err(status) => status.into(),
        };
        got == expected
    }

    fn read(&mut self, zone: usize) -> bool {
        let sector = zone as u64 * ZONE + self.random.below(ZONE - 8);
        let expected = if self.model.conds[zone] == Offline {
            Status::IOERR
        } else {
            Status::OK
        };
        self.zones.op(Op::READ, sector, 8).status == expected
    }

    fn manage(&mut self, op: Op, zone: usize) -> bool {
        let sector = zone as u64 * ZONE;
        let expected = match self.model.manage(op, zone) {
            Ok(()) => Status::OK,
            Err(status) => status,
        };
        self.zones.op(op, sector, 0).status == expected
    }

    fn fail(&mut self, zone: usize) -> bool {
        let how = if self.random.one_in(2) {
            Failure::ReadOnly
        } else {
            Failure::Offline
        };
        let sector = zone as u64 * ZONE;
        let expected = self.model.fail(how, zone);
        self.zones.fail_on(sector, how, &mut Null::default()) == expected
    }

    /// Returns whether the zones and the model are in the same state.
    fn is_same(&self) -> bool {
        let model = &self.model;
        let counts = [ImplicitOpen, ExplicitOpen, Closed].map(|cond| model.count(&[cond]) as u32);

        (!self.zones.limited || self.zones.counts() == counts)
            && (0..ZONES).all(|zone| self.zones.look(zone) == (model.conds[zone], model.wps[zone]))
    }

    /// Executes `count` random operations. Returns the number of operations before the first
    /// difference.
    fn run(&mut self, count: u32) -> u32 {
        pr_info!("zones: seed {:#x}\n", self.random.0);
        (0..count)
            .find(|_| !self.step() || !self.is_same())
            .unwrap_or(count)
    }
}

#[kunit_tests(rnull_zoned_random)]
mod tests {
    use super::*;

    const COUNT: u32 = 25_000;

    #[test]
    fn without_limits() -> Result {
        assert_eq!(Pair::new(Locking::Spinning, 2, 0, 0)?.run(COUNT), COUNT);
        Ok(())
    }

    #[test]
    fn with_few_open_zones() -> Result {
        assert_eq!(Pair::new(Locking::Spinning, 1, 2, 0)?.run(COUNT), COUNT);
        Ok(())
    }

    #[test]
    fn with_few_active_zones() -> Result {
        assert_eq!(Pair::new(Locking::Sleeping, 1, 0, 3)?.run(COUNT), COUNT);
        Ok(())
    }

    #[test]
    fn with_few_open_and_active_zones() -> Result {
        assert_eq!(Pair::new(Locking::Sleeping, 2, 2, 4)?.run(COUNT), COUNT);
        Ok(())
    }
}
