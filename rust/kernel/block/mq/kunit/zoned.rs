// SPDX-License-Identifier: GPL-2.0

//! Tests of zoned disks: parameters that are rejected, reports of zones, and zone appends.

use crate::{
    block::{
        mq::{
            GenDisk,
            GenDiskBuilder,
            Idle,
            Operations,
            OwnedRequest,
            QueueResult,
            TagSet,
            TagSetBuilder,
            ZonedLimits, //
        },
        Zone,
        ZoneCond,
        ZoneReport,
        ZoneType, //
    },
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        SpinLock, //
    },
};

/// The number of sectors of a zone, and the number of zones of a disk: more than fit a report.
const LEN: u64 = 128;
const ZONES: u64 = 20;

const LIMITS: ZonedLimits = ZonedLimits {
    zone_sectors: LEN as u32,
    max_open_zones: 3,
    max_active_zones: 5,
    max_append_sectors: 64,
};

/// A driver that can report wrong zones.
struct Zoned;

/// The queue data of a disk.
#[pin_data]
struct Known {
    /// The number of zones that the driver reports.
    zones: Atomic<u64>,
    /// A function that changes a zone before it is put.
    #[pin]
    spoil: SpinLock<fn(&mut Zone)>,
    /// The result of `report_zones`.
    result: Result,
    /// The number of calls of `report_zones`, and of those that began a report.
    calls: Atomic<u32>,
    reports: Atomic<u32>,
    /// If set, the driver replaces the report by one about another disk.
    forge: Atomic<bool>,
    /// The sector that the driver passes to `set_sector`.
    position: Atomic<u64>,
    /// Results of the last I/O: the sector was accepted, and the request's sector is right
    /// afterwards.
    accepted: Atomic<bool>,
    correct: Atomic<bool>,
}

#[vtable]
impl Operations for Zoned {
    type QueueData = Arc<Known>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        known: ArcBorrow<'_, Known>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        let mut rq = rq.start();
        let before = rq.sector();
        let position = known.position.load(Relaxed);
        let result = rq.set_sector(position);
        let correct = match result {
            Ok(()) => rq.sector() == position,
            Err(error) => rq.sector() == before && error == EINVAL,
        };
        known.accepted.store(result.is_ok(), Relaxed);
        known.correct.store(correct, Relaxed);
        rq.end_ok();
        Ok(())
    }

    fn report_zones(known: ArcBorrow<'_, Known>, report: &mut ZoneReport) -> Result {
        known.calls.add(1, Relaxed);
        known.reports.add(report.is_first().into(), Relaxed);
        known.result?;
        if known.forge.load(Relaxed) {
            *report = ZoneReport::for_test(u64::MAX, LEN, report.sector(), u32::MAX);
        }
        let spoil = *known.spoil.lock();
        let zones = known.zones.load(Relaxed);
        while !report.is_full() && report.sector() < zones * LEN {
            let start = report.sector() / LEN * LEN;
            let mut zone = Zone {
                start,
                len: LEN,
                capacity: LEN,
                wp: start,
                zone_type: ZoneType::SequentialRequired,
                cond: ZoneCond::Empty,
            };
            spoil(&mut zone);
            report.put(zone)?;
        }
        Ok(())
    }
}

/// A driver without zones.
struct Plain;

#[vtable]
impl Operations for Plain {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        (): (),
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

struct TestDisk {
    disk: GenDisk<Zoned>,
    known: Arc<Known>,
}

impl TestDisk {
    fn with(limits: ZonedLimits, spoil: fn(&mut Zone), result: Result) -> Result<Self> {
        Self::of_zones(ZONES, limits, spoil, result)
    }

    fn of_zones(
        zones: u64,
        limits: ZonedLimits,
        spoil: fn(&mut Zone),
        result: Result,
    ) -> Result<Self> {
        let known = Arc::pin_init(
            pin_init!(Known {
                zones: Atomic::new(zones),
                spoil <- new_spinlock!(spoil),
                result,
                calls: Atomic::new(0),
                reports: Atomic::new(0),
                forge: Atomic::new(false),
                position: Atomic::new(0),
                accepted: Atomic::new(false),
                correct: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        let tag_set = Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)?;
        let disk = GenDiskBuilder::new()
            .capacity_sectors(zones * LEN)
            .zoned(Some(limits))
            .build(c"kunit_zoned", tag_set, known.clone())?;
        Ok(Self { disk, known })
    }

    fn new() -> Result<Self> {
        Self::with(LIMITS, |_| {}, Ok(()))
    }

    /// Makes a disk with wrong zones.
    fn spoilt(spoil: fn(&mut Zone)) -> Result<Self> {
        Self::with(LIMITS, spoil, Ok(()))
    }

    /// Asks the block layer for zones, and returns its result.
    fn report(&self, sector: u64, wanted: u32) -> i32 {
        self.report_and_count(sector, wanted).0
    }

    /// Asks the block layer for zones. Returns its result, and the number of zones that were passed
    /// on, in order from the first.
    fn report_and_count(&self, sector: u64, wanted: u32) -> (i32, u64) {
        /// # Safety
        ///
        /// `data` must point to the expected first sector of the zone.
        unsafe extern "C" fn check(
            zone: *mut bindings::blk_zone,
            _number: c_uint,
            data: *mut c_void,
        ) -> c_int {
            // SAFETY: The zone is valid, and nothing else uses the value that `data` points to.
            let (zone, expected) = unsafe { (&*zone, &mut *data.cast::<u64>()) };
            if zone.start != *expected || zone.len != LEN {
                return EIO.to_errno();
            }
            *expected += LEN;
            0
        }

        let first = sector / LEN * LEN;
        let mut expected = first;
        // SAFETY: The disk exists, and so does its block device. `check` gets a pointer to a
        // sector.
        let result = unsafe {
            bindings::blkdev_report_zones(
                (*self.disk.as_raw()).part0,
                sector,
                wanted,
                Some(check),
                (&raw mut expected).cast(),
            )
        };
        (result, (expected - first) / LEN)
    }

    /// Submits a write of one page and waits for it. Returns the errno and the sector of the bio.
    fn write(&self, op: u32, sector: u64) -> Result<(i32, u64)> {
        let page = crate::page::Page::alloc_page(GFP_KERNEL)?;
        // SAFETY: The disk exists, and so does its block device. With GFP_KERNEL this does not
        // fail.
        let bio = unsafe {
            bindings::bio_alloc_bioset(
                (*self.disk.as_raw()).part0,
                1,
                op,
                bindings::GFP_KERNEL,
                &raw mut bindings::fs_bio_set,
            )
        };
        // SAFETY: The bio has room for one page, which lives until the I/O has ended. We own the
        // bio before and after the I/O.
        unsafe {
            bindings::__bio_add_page(bio, page.as_ptr(), 4096, 0);
            (*bio).bi_iter.bi_sector = sector;
            let error = bindings::submit_bio_wait(bio);
            let sector = (*bio).bi_iter.bi_sector;
            bindings::bio_put(bio);
            Ok((error, sector))
        }
    }
}

#[kunit_tests(rust_block_mq_zoned)]
mod tests {
    use super::*;

    fn refused(limits: ZonedLimits) -> Option<Error> {
        TestDisk::with(limits, |_| {}, Ok(())).err()
    }

    #[test]
    fn limits_reach_the_queue() -> Result {
        let disk = TestDisk::new()?;
        // SAFETY: The disk is valid, and so is its queue, whose limits nothing changes.
        let limits = unsafe { (*(*disk.disk.as_raw()).queue).limits };
        assert!(limits.features & bindings::BLK_FEAT_ZONED != 0);
        assert_eq!(limits.chunk_sectors, 128);
        assert_eq!(limits.max_open_zones, 3);
        assert_eq!(limits.max_active_zones, 5);
        assert_eq!(limits.max_zone_append_sectors, 64);
        Ok(())
    }

    #[test]
    fn zone_sizes_are_checked() {
        for zone_sectors in [0, 3, 96, 127, u32::MAX] {
            let limits = ZonedLimits {
                zone_sectors,
                ..LIMITS
            };
            assert_eq!(refused(limits), Some(EINVAL));
        }
        // With logical blocks of 4 KiB.
        for (zone_sectors, result) in [(1, Err(EINVAL)), (4, Err(EINVAL)), (8, Ok(()))] {
            let limits = ZonedLimits {
                zone_sectors,
                ..LIMITS
            };
            assert_eq!(limits.validate(true, ZONES * LEN, 4096), result);
        }
        // Another length than that of the zones.
        let limits = ZonedLimits {
            zone_sectors: 64,
            ..LIMITS
        };
        assert_eq!(refused(limits), Some(EIO));
        // More open than active zones.
        let limits = ZonedLimits {
            max_open_zones: 6,
            ..LIMITS
        };
        assert_eq!(refused(limits), Some(EINVAL));
    }

    #[test]
    fn limits_that_are_none_are_left_out() -> Result {
        let limits = ZonedLimits {
            max_open_zones: u32::MAX,
            max_active_zones: u32::MAX,
            ..LIMITS
        };
        let disk = TestDisk::with(limits, |_| {}, Ok(()))?;
        // SAFETY: The disk is valid, and so is its queue, whose limits nothing changes.
        let limits = unsafe { (*(*disk.disk.as_raw()).queue).limits };
        assert_eq!(limits.max_open_zones, 0);
        assert_eq!(limits.max_active_zones, 0);
        Ok(())
    }

    /// Beyond this, the block layer's allocations would make the kernel warn.
    #[test]
    fn more_zones_than_there_is_memory_for() {
        let refused = |zones, max_active_zones| {
            let limits = ZonedLimits {
                max_active_zones,
                ..LIMITS
            };
            // If the driver is asked for zones, it fails with another error.
            TestDisk::of_zones(zones, limits, |_| {}, Err(EIO)).err()
        };
        assert_eq!(refused(1 << 22, 5), Some(EIO));
        assert_eq!(refused((1 << 22) + 1, 5), Some(ENOMEM));
        assert_eq!(refused(1 << 22, (1 << 19) + 1), Some(ENOMEM));
    }

    #[test]
    fn driver_must_report_zones() -> Result {
        let tag_set = Arc::pin_init(TagSet::<Plain>::new(TagSetBuilder::new()), GFP_KERNEL)?;
        let builder = || GenDiskBuilder::new().capacity_sectors(ZONES * LEN);
        let zoned = builder()
            .zoned(Some(LIMITS))
            .build(c"kunit_zoned", tag_set.clone(), ());
        assert_eq!(zoned.err(), Some(EINVAL));
        let plain = builder().zoned(None).build(c"kunit_zoned", tag_set, ());
        assert!(plain.is_ok());
        Ok(())
    }

    #[test]
    fn wrong_zones_are_refused() {
        let spoilt = |spoil| TestDisk::spoilt(spoil).err();
        // The report rejects these.
        assert_eq!(spoilt(|zone| zone.start += 1), Some(EIO));
        assert_eq!(spoilt(|zone| zone.len = 0), Some(EIO));
        assert_eq!(spoilt(|zone| zone.capacity = LEN + 1), Some(EIO));
        assert_eq!(
            spoilt(|zone| {
                zone.cond = ZoneCond::Closed;
                zone.wp = zone.start + (1 << 32) + 8;
            }),
            Some(EIO)
        );
        assert_eq!(spoilt(|zone| zone.len = LEN * 2), Some(EIO));
        // The block layer rejects these.
        assert_eq!(
            spoilt(|zone| {
                if zone.start == 0 {
                    zone.capacity = 8;
                }
            }),
            Some(ENODEV)
        );
    }

    #[test]
    fn errors_of_the_driver_are_passed_on() {
        let disk = TestDisk::with(LIMITS, |_| {}, Err(ENOMEM));
        assert_eq!(disk.err(), Some(ENOMEM));
    }

    #[test]
    fn reports_cover_the_requested_zones() -> Result {
        let disk = TestDisk::new()?;
        assert_eq!(disk.known.reports.load(Relaxed), 1);
        assert_eq!(disk.report_and_count(0, u32::MAX), (20, 20));
        assert_eq!(disk.report(0, 20), 20);
        assert_eq!(disk.report(0, 8), 8);
        assert_eq!(disk.report(0, 9), 9);
        assert_eq!(disk.report(3 * LEN + 5, 4), 4);
        assert_eq!(disk.report(19 * LEN, 4), 1);
        assert_eq!(disk.known.reports.load(Relaxed), 7);
        // The driver is not asked.
        assert_eq!(disk.report(20 * LEN, 4), 0);
        assert_eq!(disk.report(0, 0), 0);
        assert_eq!(disk.known.reports.load(Relaxed), 7);
        Ok(())
    }

    #[test]
    fn no_more_zones_are_passed_on_than_were_asked_for() -> Result {
        let disk = TestDisk::new()?;
        disk.known.forge.store(true, Relaxed);
        assert_eq!(disk.report_and_count(0, 2), (EIO.to_errno(), 0));
        Ok(())
    }

    /// Asks for all zones, which must fail. Returns the number of zones that were passed on.
    fn report_fails(disk: &TestDisk) -> u64 {
        let (result, passed) = disk.report_and_count(0, u32::MAX);
        assert_eq!(result, EIO.to_errno());
        passed
    }

    /// The block layer sizes arrays by the zones that the disk had when it was added.
    #[test]
    fn no_zones_outside_the_disk_are_passed_on() -> Result {
        for zones in [4, 8, ZONES] {
            let disk = TestDisk::of_zones(zones, LIMITS, |_| {}, Ok(()))?;
            assert_eq!(disk.report_and_count(0, u32::MAX), (zones as i32, zones));
            disk.known.zones.store(64, Relaxed);
            assert!(report_fails(&disk) <= zones);
            disk.known.forge.store(true, Relaxed);
            assert_eq!(report_fails(&disk), 0);
        }
        Ok(())
    }

    #[test]
    fn wrong_zones_are_not_passed_on() -> Result {
        let disk = TestDisk::new()?;
        let spoils: [fn(&mut Zone); 6] = [
            |zone| zone.start += 8,
            |zone| zone.start -= 8,
            |zone| zone.len = LEN * 2,
            |zone| {
                zone.len = LEN / 2;
                zone.capacity = LEN / 2;
            },
            |zone| zone.start += LEN,
            |zone| zone.start = 0,
        ];
        for spoil in spoils {
            *disk.known.spoil.lock() = spoil;
            assert_eq!(disk.report_and_count(LEN, u32::MAX), (EIO.to_errno(), 0));
        }
        // The zones before the wrong one are passed on.
        *disk.known.spoil.lock() = |zone| {
            if zone.start == 17 * LEN {
                zone.len = LEN * 2;
            }
        };
        assert_eq!(report_fails(&disk), 16);
        Ok(())
    }

    #[test]
    fn drivers_are_asked_in_pieces() -> Result {
        let disk = TestDisk::new()?;
        let calls = |wanted| {
            let before = disk.known.calls.load(Relaxed);
            disk.report(0, wanted);
            disk.known.calls.load(Relaxed) - before
        };
        assert_eq!(calls(8), 1);
        assert_eq!(calls(9), 2);
        assert_eq!(calls(20), 3);
        // The last call finds that there are no more zones.
        assert_eq!(calls(21), 4);
        Ok(())
    }

    #[test]
    fn no_zones_after_the_removal_has_begun() -> Result {
        let disk = TestDisk::new()?;
        // SAFETY: The disk is valid, and its removal begins with this call.
        unsafe { bindings::blk_mark_disk_dead(disk.disk.as_raw()) };
        // Restore the capacity, as if the block layer had read it before the removal.
        // SAFETY: The disk is valid.
        unsafe { bindings::set_capacity(disk.disk.as_raw(), ZONES * LEN) };
        let calls = disk.known.calls.load(Relaxed);
        assert_eq!(disk.report(0, u32::MAX), ENODEV.to_errno());
        assert_eq!(disk.known.calls.load(Relaxed), calls);
        Ok(())
    }

    /// Submits a write of eight sectors to the second zone. The driver passes `position` to
    /// `set_sector`. Returns whether the abstraction accepted `position`, and the sector that the
    /// submitter gets.
    fn append(disk: &TestDisk, op: u32, position: u64) -> Result<(bool, u64)> {
        disk.known.position.store(position, Relaxed);
        let (error, sector) = disk.write(op, LEN)?;
        assert_eq!(error, 0);
        assert!(disk.known.correct.load(Relaxed));
        Ok((disk.known.accepted.load(Relaxed), sector))
    }

    #[test]
    fn appends_return_their_position() -> Result {
        let disk = TestDisk::new()?;
        for (position, is_inside) in [
            (LEN, true),
            (LEN + 7, true),
            (2 * LEN - 8, true),
            (2 * LEN - 7, false),
            (2 * LEN - 1, false),
            (2 * LEN, false),
            (LEN - 1, false),
            (0, false),
            (1 << 32 | LEN, false),
            (u64::MAX - 7, false),
            (u64::MAX, false),
        ] {
            let result = append(&disk, bindings::req_op_REQ_OP_ZONE_APPEND, position)?;
            let expected = if is_inside { position } else { LEN };
            assert_eq!(result, (is_inside, expected));
        }
        Ok(())
    }

    #[test]
    fn writes_return_no_position() -> Result {
        for position in [LEN, LEN + 7, 0, u64::MAX] {
            // On a new disk, so that this is the first write to the zone.
            let disk = TestDisk::new()?;
            let result = append(&disk, bindings::req_op_REQ_OP_WRITE, position)?;
            assert_eq!(result, (false, LEN));
        }
        Ok(())
    }
}
