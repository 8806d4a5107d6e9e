// SPDX-License-Identifier: GPL-2.0

//! All transitions of a zone, and all refused operations.

use super::{
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
        ZoneCond,
        ZoneCond::*,
        ZoneReport, //
    },
    prelude::*,
    sync::Arc, //
};

/// The size of a zone in sectors. A device has one conventional and seven sequential zones.
const ZONE: u64 = 4 * MIB;
/// The capacity of a sequential zone in sectors.
const CAPACITY: u64 = 3 * MIB;

fn device(max_open: u32, max_active: u32) -> Result<Arc<Zones>> {
    zones(
        Locking::Spinning,
        Config {
            zone_size: 4,
            zone_capacity: 3,
            zone_nr_conv: 1,
            zone_max_open: max_open,
            zone_max_active: max_active,
            ..Config::new()
        },
        32,
    )
}

/// Returns a device without limits, and one with limits that the tests do not reach.
fn devices() -> Result<[Arc<Zones>; 2]> {
    Ok([device(0, 0)?, device(6, 6)?])
}

/// The conditions of sequential zones, with possible write pointers relative to the start of the
/// zone.
const STATES: [(ZoneCond, u64); 10] = [
    (Empty, 0),
    (ImplicitOpen, 0),
    (ImplicitOpen, 8),
    (ExplicitOpen, 0),
    (ExplicitOpen, 8),
    (Closed, 8),
    (Full, CAPACITY),
    (Full, ZONE),
    (ReadOnly, NONE),
    (Offline, NONE),
];

/// No write pointer, relative to the start of zone 1.
const NONE: u64 = u64::MAX - ZONE;

/// Sets the state of zone 1, and calls `act`. Returns the result of `act`, and the new state.
fn after(
    zones: &Zones,
    (cond, wp): (ZoneCond, u64),
    act: impl FnOnce(&Zones) -> Status,
) -> (Status, ZoneCond, u64) {
    zones.force(1, cond, ZONE + wp);
    let status = act(zones);
    let (cond, wp) = zones.look(1);
    (status, cond, wp - ZONE)
}

/// The expected result for each of [`STATES`]: the next state, or `None` if the operation is
/// refused with an I/O error and changes nothing.
type Expected = [Option<(ZoneCond, u64)>; 10];

/// Returns the first of [`STATES`] for which the result of `act` is not the expected one.
fn mismatch(
    zones: &Zones,
    expected: &Expected,
    act: impl Fn(&Zones) -> Status,
) -> Option<(ZoneCond, u64)> {
    STATES
        .iter()
        .zip(expected)
        .find(|&(&state, &expected)| {
            let expected = match expected {
                Some((cond, wp)) => (Status::OK, cond, wp),
                None => (Status::IOERR, state.0, state.1),
            };
            after(zones, state, &act) != expected
        })
        .map(|(&state, _)| state)
}

fn manage(op: Op) -> impl Fn(&Zones) -> Status {
    // The sector can be any one in the zone.
    move |zones| zones.op(op, ZONE + 9, 0).status
}

#[kunit_tests(rnull_zoned)]
mod tests {
    use super::*;

    #[test]
    fn open() -> Result {
        let expected = [
            Some((ExplicitOpen, 0)),
            Some((ExplicitOpen, 0)),
            Some((ExplicitOpen, 8)),
            Some((ExplicitOpen, 0)),
            Some((ExplicitOpen, 8)),
            Some((ExplicitOpen, 8)),
            None,
            None,
            None,
            None,
        ];
        for zones in devices()? {
            assert_eq!(mismatch(&zones, &expected, manage(Op::ZONE_OPEN)), None);
        }
        Ok(())
    }

    #[test]
    fn close() -> Result {
        let expected = [
            None,
            Some((Empty, 0)),
            Some((Closed, 8)),
            Some((Empty, 0)),
            Some((Closed, 8)),
            Some((Closed, 8)),
            None,
            None,
            None,
            None,
        ];
        for zones in devices()? {
            assert_eq!(mismatch(&zones, &expected, manage(Op::ZONE_CLOSE)), None);
        }
        Ok(())
    }

    #[test]
    fn finish() -> Result {
        let full = Some((Full, ZONE));
        let mut expected = [full, full, full, full, full, full, full, full, None, None];
        let [unlimited, limited] = devices()?;
        assert_eq!(
            mismatch(&unlimited, &expected, manage(Op::ZONE_FINISH)),
            None
        );
        // On a device with limits, finishing a full zone changes nothing.
        expected[6] = Some((Full, CAPACITY));
        assert_eq!(mismatch(&limited, &expected, manage(Op::ZONE_FINISH)), None);
        Ok(())
    }

    #[test]
    fn reset() -> Result {
        let empty = Some((Empty, 0));
        let expected = [
            empty, empty, empty, empty, empty, empty, empty, empty, None, None,
        ];
        for zones in devices()? {
            assert_eq!(mismatch(&zones, &expected, manage(Op::ZONE_RESET)), None);
        }
        Ok(())
    }

    #[test]
    fn reset_all() -> Result {
        let empty = Some((Empty, 0));
        let mut expected = [empty; 10];
        // These zones are skipped without an error.
        expected[8] = Some((ReadOnly, NONE));
        expected[9] = Some((Offline, NONE));
        for zones in devices()? {
            let reset = |zones: &Zones| zones.op(Op::ZONE_RESET_ALL, 0, 0).status;
            assert_eq!(mismatch(&zones, &expected, reset), None);
        }
        Ok(())
    }

    #[test]
    fn write_at_the_start() -> Result {
        let expected = [
            Some((ImplicitOpen, 16)),
            Some((ImplicitOpen, 16)),
            None,
            Some((ExplicitOpen, 16)),
            None,
            None,
            None,
            None,
            None,
            None,
        ];
        for zones in devices()? {
            let write = |zones: &Zones| zones.try_write(ZONE, 16);
            assert_eq!(mismatch(&zones, &expected, write), None);
        }
        Ok(())
    }

    #[test]
    fn write_at_the_pointer() -> Result {
        let expected = [
            None,
            None,
            Some((ImplicitOpen, 24)),
            None,
            Some((ExplicitOpen, 24)),
            Some((ImplicitOpen, 24)),
            None,
            None,
            None,
            None,
        ];
        for zones in devices()? {
            let write = |zones: &Zones| zones.try_write(ZONE + 8, 16);
            assert_eq!(mismatch(&zones, &expected, write), None);
        }
        Ok(())
    }

    #[test]
    fn write_up_to_the_capacity_and_beyond() -> Result {
        let rest = (CAPACITY - 8) as u32;
        let full = Some((Full, CAPACITY));
        let mut expected = [None; 10];
        for zones in devices()? {
            let write = |zones: &Zones| zones.try_write(ZONE + 8, rest + 1);
            assert_eq!(mismatch(&zones, &expected, write), None);
        }
        for number in [2, 4, 5] {
            expected[number] = full;
        }
        for zones in devices()? {
            let write = |zones: &Zones| zones.try_write(ZONE + 8, rest);
            assert_eq!(mismatch(&zones, &expected, write), None);
            assert_eq!(zones.counts(), [0, 0, 0]);
        }
        Ok(())
    }

    #[test]
    fn append() -> Result {
        let expected = [
            Some((ImplicitOpen, 16)),
            Some((ImplicitOpen, 16)),
            Some((ImplicitOpen, 24)),
            Some((ExplicitOpen, 16)),
            Some((ExplicitOpen, 24)),
            Some((ImplicitOpen, 24)),
            None,
            None,
            None,
            None,
        ];
        for zones in devices()? {
            let append = |zones: &Zones| zones.op(Op::ZONE_APPEND, ZONE, 16).status;
            assert_eq!(mismatch(&zones, &expected, append), None);
        }
        Ok(())
    }

    #[test]
    fn append_returns_its_position() -> Result {
        let zones = device(0, 0)?;
        let mut store = Null::default();
        for at in [0, 16, 32] {
            let outcome = zones.process(Op::ZONE_APPEND, ZONE, 16, &mut store);
            assert_eq!(
                outcome,
                Outcome {
                    status: Status::OK,
                    position: Some(ZONE + at),
                }
            );
            // The backing store executes a write at this position.
            assert_eq!(store.transferred, Some((Op::WRITE, ZONE + at, 16)));
        }
        // A write has no position.
        assert_eq!(zones.op(Op::WRITE, ZONE + 48, 16).position, None);
        assert_eq!(
            zones
                .op(Op::ZONE_APPEND, ZONE, CAPACITY as u32 - 63)
                .position,
            None
        );
        Ok(())
    }

    #[test]
    fn read() -> Result {
        for zones in devices()? {
            for state in STATES {
                let status = if state.0 == Offline {
                    Status::IOERR
                } else {
                    Status::OK
                };
                let (cond, wp) = state;
                let read = |zones: &Zones| zones.op(Op::READ, ZONE, 8).status;
                assert_eq!(after(&zones, state, read), (status, cond, wp));
            }
        }
        Ok(())
    }

    #[test]
    fn conventional_zones() -> Result {
        let zones = device(0, 0)?;
        assert_eq!(zones.look(0), (NotWp, ZONE));
        for op in [
            Op::ZONE_OPEN,
            Op::ZONE_CLOSE,
            Op::ZONE_FINISH,
            Op::ZONE_RESET,
            Op::ZONE_APPEND,
        ] {
            assert_eq!(zones.op(op, 0, 8).status, Status::IOERR);
        }
        for at in [0, 100, 8, ZONE - 8] {
            assert_eq!(zones.try_write(at, 8), Status::OK);
            assert_eq!(zones.op(Op::READ, at, 8).status, Status::OK);
        }
        assert_eq!(zones.op(Op::ZONE_RESET_ALL, 0, 0).status, Status::OK);
        assert_eq!(zones.look(0), (NotWp, ZONE));
        Ok(())
    }

    #[test]
    fn outside_of_the_device() -> Result {
        let zones = device(0, 0)?;
        for sector in [8 * ZONE, u64::MAX] {
            for op in [Op::READ, Op::WRITE, Op::ZONE_APPEND, Op::ZONE_RESET] {
                assert_eq!(zones.op(op, sector, 8).status, Status::IOERR);
            }
            let failed = zones.fail_on(sector, Failure::Offline, &mut Null::default());
            assert_eq!(failed, Err(EINVAL));
            assert_eq!(zones.valid_read_len(sector, 512), 0);
        }
        Ok(())
    }

    #[test]
    fn zones_can_be_full_at_first() -> Result {
        let config = Config {
            zone_size: 4,
            zone_capacity: 3,
            zone_nr_conv: 1,
            zone_full: true,
            ..Config::new()
        };
        let zones = zones(Locking::Sleeping, config, 32)?;
        assert_eq!(zones.look(0), (NotWp, ZONE));
        for number in 1..8 {
            assert_eq!(zones.look(number), (Full, number as u64 * ZONE + CAPACITY));
        }
        Ok(())
    }

    #[test]
    fn faults_of_the_backing_store() -> Result {
        let fault = |zones: &Zones, sector, status, written| {
            let mut store = Null {
                fault: Some((status, written)),
                ..Null::default()
            };
            zones.process(Op::WRITE, sector, 16, &mut store).status
        };
        for zones in devices()? {
            // Nothing was written, but the zone is open.
            assert_eq!(fault(&zones, ZONE, Status::RESOURCE, 0), Status::RESOURCE);
            assert_eq!(zones.look(1), (ImplicitOpen, ZONE));
            // A part was written.
            assert_eq!(fault(&zones, ZONE, Status::IOERR, 3), Status::IOERR);
            assert_eq!(zones.look(1), (ImplicitOpen, ZONE + 3));
            // A write that fails at the capacity makes the zone full.
            zones.force(1, Closed, ZONE + CAPACITY - 16);
            let sector = ZONE + CAPACITY - 16;
            assert_eq!(fault(&zones, sector, Status::IOERR, 16), Status::IOERR);
            assert_eq!(zones.look(1), (Full, ZONE + CAPACITY));
            assert_eq!(zones.counts(), [0, 0, 0]);
        }
        Ok(())
    }

    #[test]
    fn resets_discard_the_data() -> Result {
        let zones = device(0, 0)?;
        let mut store = Null::default();
        zones.process(Op::ZONE_RESET, ZONE, 0, &mut store);
        assert_eq!((store.discards, store.discarded), (1, ZONE));
        // A reset of all zones discards only zones that are not empty.
        zones.force(2, Full, 3 * ZONE);
        zones.force(3, Offline, u64::MAX);
        zones.force(4, Closed, 4 * ZONE + 8);
        zones.process(Op::ZONE_RESET_ALL, 0, 0, &mut store);
        assert_eq!((store.discards, store.discarded), (3, 3 * ZONE));
        // Other operations discard nothing.
        for op in [Op::ZONE_OPEN, Op::ZONE_CLOSE, Op::ZONE_FINISH] {
            zones.process(op, ZONE, 0, &mut store);
        }
        assert_eq!(store.discards, 3);
        Ok(())
    }

    #[test]
    fn failing() -> Result {
        for zones in devices()? {
            for (how, cond) in [(Failure::ReadOnly, ReadOnly), (Failure::Offline, Offline)] {
                for state in STATES {
                    let mut store = Null::default();
                    let fail = |zones: &Zones| {
                        assert_eq!(zones.fail_on(ZONE + 9, how, &mut store), Ok(()));
                        Status::OK
                    };
                    let expected = if state.0 == cond {
                        (Status::OK, Empty, 0)
                    } else {
                        (Status::OK, cond, NONE)
                    };
                    assert_eq!(after(&zones, state, fail), expected);
                    assert_eq!(store.discards, u32::from(state.0 == cond));
                    assert_eq!(zones.counts(), [0, 0, 0]);
                }
            }
            let failed = zones.fail_on(0, Failure::Offline, &mut Null::default());
            assert_eq!(failed, Err(EINVAL));
            assert_eq!(zones.look(0), (NotWp, ZONE));
        }
        Ok(())
    }

    #[test]
    fn open_zones_are_limited() -> Result {
        let zones = device(2, 0)?;
        for number in [1, 2] {
            assert_eq!(zones.op(Op::ZONE_OPEN, number * ZONE, 0).status, Status::OK);
        }
        let too_many = Status::ZONE_OPEN_RESOURCE;
        for op in [Op::ZONE_OPEN, Op::ZONE_FINISH] {
            assert_eq!(zones.op(op, 3 * ZONE, 0).status, too_many);
        }
        assert_eq!(zones.try_write(3 * ZONE, 8), too_many);
        assert_eq!(zones.op(Op::ZONE_APPEND, 3 * ZONE, 8).status, too_many);
        assert_eq!(zones.look(3), (Empty, 3 * ZONE));
        // A closed zone cannot be opened either, but it can be reset.
        zones.force(3, Closed, 3 * ZONE + 8);
        for op in [Op::ZONE_OPEN, Op::ZONE_FINISH] {
            assert_eq!(zones.op(op, 3 * ZONE, 0).status, too_many);
        }
        assert_eq!(zones.try_write(3 * ZONE + 8, 8), too_many);
        assert_eq!(zones.counts(), [0, 2, 1]);
        assert_eq!(zones.op(Op::ZONE_RESET, 3 * ZONE, 0).status, Status::OK);
        // An open zone can be written and opened.
        assert_eq!(zones.try_write(ZONE, 8), Status::OK);
        assert_eq!(zones.op(Op::ZONE_OPEN, ZONE, 0).status, Status::OK);
        // Closing it makes room.
        assert_eq!(zones.op(Op::ZONE_CLOSE, ZONE, 0).status, Status::OK);
        assert_eq!(zones.try_write(3 * ZONE, 8), Status::OK);
        assert_eq!(zones.counts(), [1, 1, 1]);
        Ok(())
    }

    #[test]
    fn implicitly_open_zones_make_room() -> Result {
        let zones = device(2, 0)?;
        for number in 1..=2 {
            assert_eq!(zones.try_write(number * ZONE, 8), Status::OK);
        }
        // Zones are closed in turn: zone 1, then zone 2. A zone without data becomes empty.
        assert_eq!(zones.try_write(3 * ZONE, 8), Status::OK);
        assert_eq!(zones.look(1), (Closed, ZONE + 8));
        assert_eq!(zones.look(2), (ImplicitOpen, 2 * ZONE + 8));
        zones.force(2, ImplicitOpen, 2 * ZONE);
        assert_eq!(zones.op(Op::ZONE_OPEN, 4 * ZONE, 0).status, Status::OK);
        assert_eq!(zones.look(2), (Empty, 2 * ZONE));
        // Finishing an empty zone needs room only in passing.
        assert_eq!(zones.op(Op::ZONE_FINISH, 5 * ZONE, 0).status, Status::OK);
        assert_eq!(zones.look(3), (Closed, 3 * ZONE + 8));
        assert_eq!(zones.counts(), [0, 1, 2]);
        // The search continues after the zone that was closed last, and wraps around.
        for number in [6, 1] {
            let wp = zones.look(number).1;
            assert_eq!(zones.try_write(wp, 8), Status::OK);
        }
        assert_eq!(zones.look(6), (Closed, 6 * ZONE + 8));
        assert_eq!(zones.look(1), (ImplicitOpen, ZONE + 16));
        Ok(())
    }

    #[test]
    fn active_zones_are_limited() -> Result {
        let zones = device(2, 3)?;
        for number in 1..=3 {
            assert_eq!(zones.try_write(number * ZONE, 8), Status::OK);
        }
        assert_eq!(zones.counts(), [2, 0, 1]);
        let too_many = Status::ZONE_ACTIVE_RESOURCE;
        for op in [Op::ZONE_OPEN, Op::ZONE_FINISH] {
            assert_eq!(zones.op(op, 4 * ZONE, 0).status, too_many);
        }
        assert_eq!(zones.try_write(4 * ZONE, 8), too_many);
        // No zone is closed while the number of active zones is at its limit.
        assert_eq!(zones.look(1).0, Closed);
        assert_eq!(
            zones.op(Op::ZONE_OPEN, ZONE, 0).status,
            Status::ZONE_OPEN_RESOURCE
        );
        // A full zone is not active.
        assert_eq!(zones.op(Op::ZONE_FINISH, 2 * ZONE, 0).status, Status::OK);
        assert_eq!(zones.counts(), [1, 0, 1]);
        assert_eq!(zones.try_write(4 * ZONE, 8), Status::OK);
        Ok(())
    }

    #[test]
    fn failed_zones_are_not_active() -> Result {
        let zones = device(1, 0)?;
        assert_eq!(zones.op(Op::ZONE_OPEN, ZONE, 0).status, Status::OK);
        zones.force(2, Closed, 2 * ZONE + 8);
        assert_eq!(zones.counts(), [0, 1, 1]);
        // The zone cannot be finished, because it cannot be opened.
        let mut store = Null::default();
        assert_eq!(
            zones.fail_on(2 * ZONE, Failure::ReadOnly, &mut store),
            Ok(())
        );
        assert_eq!(zones.counts(), [0, 1, 0]);
        assert_eq!(zones.fail_on(ZONE, Failure::Offline, &mut store), Ok(()));
        assert_eq!(zones.counts(), [0, 0, 0]);
        Ok(())
    }

    #[test]
    fn reads_end_at_the_write_pointer() -> Result {
        let zones = device(0, 0)?;
        let len = |sector, bytes| zones.valid_read_len(sector, bytes);
        // Nothing was written.
        assert_eq!(len(ZONE, 4096), 0);
        assert_eq!(zones.try_write(ZONE, 8), Status::OK);
        assert_eq!(len(ZONE, 4096), 4096);
        assert_eq!(len(ZONE + 1, 4096), 7 * 512);
        assert_eq!(len(ZONE + 7, 100), 100);
        assert_eq!(len(ZONE + 7, 513), 512);
        assert_eq!(len(ZONE + 8, 512), 0);
        assert_eq!(len(ZONE + 9, 512), 0);
        // All data of finished, of read-only and of conventional zones can be read.
        assert_eq!(zones.op(Op::ZONE_FINISH, ZONE, 0).status, Status::OK);
        assert_eq!(len(2 * ZONE - 8, 4096), 4096);
        zones.force(1, ReadOnly, u64::MAX);
        assert_eq!(len(ZONE, 4096), 4096);
        assert_eq!(len(0, 4096), 4096);
        Ok(())
    }

    #[test]
    fn report() -> Result {
        let zones = device(0, 0)?;
        zones.force(3, ExplicitOpen, 3 * ZONE + 8);
        let report = |sector, wanted| {
            let mut report = ZoneReport::for_test(8 * ZONE, ZONE, sector, wanted);
            zones.report(&mut report)?;
            Ok::<_, Error>(report)
        };
        // A report starts with the zone that contains the sector, and ends with the last zone.
        let all = report(5, u32::MAX)?;
        assert_eq!(all.zones().len(), 8);
        for (number, zone) in all.zones().iter().enumerate() {
            let (cond, wp) = zones.look(number);
            let start = number as u64 * ZONE;
            assert_eq!((zone.start, zone.len), (start, ZONE));
            assert_eq!(zone.capacity, if number == 0 { ZONE } else { CAPACITY });
            assert_eq!((zone.cond, zone.wp), (cond, wp));
        }
        assert_eq!(report(7 * ZONE, 9)?.zones().len(), 1);
        assert_eq!(report(ZONE, 2)?.zones().len(), 2);
        assert_eq!(report(ZONE, 2)?.zones()[0].start, ZONE);
        assert_eq!(report(8 * ZONE, 9)?.zones().len(), 0);
        Ok(())
    }

    #[test]
    fn report_ends_with_a_smaller_zone() -> Result {
        let config = Config {
            zone_size: 4,
            ..Config::new()
        };
        let zones = zones(Locking::Spinning, config, 9)?;
        let mut report = ZoneReport::for_test(9 * MIB, 4 * MIB, 0, u32::MAX);
        zones.report(&mut report)?;
        assert_eq!(report.zones().len(), 3);
        assert_eq!(report.sector(), 9 * MIB);
        // The block layer reports once more, to find that there are no more zones.
        zones.report(&mut report)?;
        assert_eq!(report.zones().len(), 3);
        Ok(())
    }
}
