// SPDX-License-Identifier: GPL-2.0

//! Zones of zoned block devices.
//!
//! A zoned device divides its sectors into zones. Most of them can only be written in sequence, at
//! a position that the device keeps (the *write pointer*), and have to be reset to be written anew.
//!
//! A driver sets up a zoned disk with [`GenDiskBuilder::zoned`](super::mq::GenDiskBuilder::zoned)
//! and answers questions about the zones in [`Operations::report_zones`](super::mq::Operations).
//!
//! C headers: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/uapi/linux/blkzoned.h`](srctree/include/uapi/linux/blkzoned.h)

use crate::{
    bindings,
    prelude::*,
    sync::atomic::AtomicType, //
};

/// How a zone can be written: `enum blk_zone_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ZoneType {
    /// Anywhere, like a device without zones.
    Conventional = bindings::blk_zone_type_BLK_ZONE_TYPE_CONVENTIONAL as u8,
    /// Only at the write pointer.
    SequentialRequired = bindings::blk_zone_type_BLK_ZONE_TYPE_SEQWRITE_REQ as u8,
}

/// The condition that a zone is in: `enum blk_zone_cond`.
///
/// # Examples
///
/// ```
/// use kernel::block::ZoneCond;
///
/// assert!(ZoneCond::Closed.is_active() && !ZoneCond::Closed.is_open());
/// assert!(ZoneCond::ImplicitOpen.is_active() && ZoneCond::ImplicitOpen.is_open());
/// assert!(!ZoneCond::Full.is_active());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ZoneCond {
    /// The zone has no write pointer: it is conventional.
    NotWp = bindings::blk_zone_cond_BLK_ZONE_COND_NOT_WP as u8,
    /// Nothing was written since the last reset.
    Empty = bindings::blk_zone_cond_BLK_ZONE_COND_EMPTY as u8,
    /// Opened by a write.
    ImplicitOpen = bindings::blk_zone_cond_BLK_ZONE_COND_IMP_OPEN as u8,
    /// Opened by [`Op::ZONE_OPEN`](super::Op::ZONE_OPEN).
    ExplicitOpen = bindings::blk_zone_cond_BLK_ZONE_COND_EXP_OPEN as u8,
    /// Written in part, and not open.
    Closed = bindings::blk_zone_cond_BLK_ZONE_COND_CLOSED as u8,
    /// Can be read and not written, for good.
    ReadOnly = bindings::blk_zone_cond_BLK_ZONE_COND_READONLY as u8,
    /// Written up to its capacity, or finished.
    Full = bindings::blk_zone_cond_BLK_ZONE_COND_FULL as u8,
    /// Can be neither read nor written, for good.
    Offline = bindings::blk_zone_cond_BLK_ZONE_COND_OFFLINE as u8,
}

impl ZoneCond {
    /// Whether the zone is open, and counts as one of the open zones that a device may limit.
    #[inline]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::ImplicitOpen | Self::ExplicitOpen)
    }

    /// Whether the zone is open or closed, and counts as one of the active zones that a device may
    /// limit.
    #[inline]
    pub const fn is_active(self) -> bool {
        self.is_open() || matches!(self, Self::Closed)
    }
}

static_assert!(size_of::<ZoneCond>() == size_of::<i8>());
static_assert!(align_of::<ZoneCond>() == align_of::<i8>());

// SAFETY: Size and alignment are those of `i8`, see above. The type has no data but the
// discriminant, all bits of which are initialized, so that it can be turned into an `i8` and back.
// It is `Send`.
unsafe impl AtomicType for ZoneCond {
    type Repr = i8;
}

/// A zone as a device reports it: `struct blk_zone`.
///
/// All positions and lengths are in sectors of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The first sector.
    pub start: u64,
    /// How many sectors there are up to the next zone.
    pub len: u64,
    /// How many of them can be written. This is `len` for a conventional zone.
    pub capacity: u64,
    /// Where the next write goes. Not looked at unless the zone is [active](ZoneCond::is_active).
    pub wp: u64,
    /// How the zone can be written.
    pub zone_type: ZoneType,
    /// Its condition.
    pub cond: ZoneCond,
}

impl Zone {
    const ZERO: Self = Self {
        start: 0,
        len: 0,
        capacity: 0,
        wp: 0,
        zone_type: ZoneType::Conventional,
        cond: ZoneCond::NotWp,
    };

    /// Whether the parts fit together. The block layer derives zone numbers from the write pointer
    /// of an active zone, and uses them as they are.
    fn is_plausible(&self) -> bool {
        let conventional = self.zone_type == ZoneType::Conventional;

        self.len != 0
            && self.start.checked_add(self.len).is_some()
            && (1..=self.len).contains(&self.capacity)
            && conventional == (self.cond == ZoneCond::NotWp)
            && (!self.cond.is_active() || (0..=self.capacity).contains(&self.wp_offset()))
    }

    fn wp_offset(&self) -> u64 {
        self.wp.wrapping_sub(self.start)
    }

    #[cfg(CONFIG_BLK_DEV_ZONED)]
    fn to_raw(self) -> bindings::blk_zone {
        bindings::blk_zone {
            start: self.start,
            len: self.len,
            wp: self.wp,
            type_: self.zone_type as u8,
            cond: self.cond as u8,
            capacity: self.capacity,
            ..pin_init::zeroed()
        }
    }
}

/// Where a driver puts the zones that it was asked for.
///
/// [`Operations::report_zones`](super::mq::Operations::report_zones) gets this. It has room for a
/// few zones, and the driver is called again for the next ones.
///
/// # Examples
///
/// A device of four empty zones of 1 MiB each:
///
/// ```
/// use kernel::block::{Zone, ZoneCond, ZoneReport, ZoneType};
///
/// fn report(report: &mut ZoneReport) -> Result {
///     if report.is_first() {
///         pr_debug!("{} zones are wanted\n", report.wanted());
///     }
///     while !report.is_full() && report.sector() < 4 * 2048 {
///         let start = report.sector() / 2048 * 2048;
///         report.put(Zone {
///             start,
///             len: 2048,
///             capacity: 2048,
///             wp: start,
///             zone_type: ZoneType::SequentialRequired,
///             cond: ZoneCond::Empty,
///         })?;
///     }
///     Ok(())
/// }
///
/// let mut asked = ZoneReport::for_test(2048, 2);
/// report(&mut asked)?;
/// assert_eq!(asked.zones().len(), 2);
/// assert_eq!(asked.zones()[1].start, 4096);
/// # Ok::<(), Error>(())
/// ```
pub struct ZoneReport {
    zones: [Zone; Self::ROOM],
    len: usize,
    /// The sector that the next zone has to contain.
    sector: u64,
    /// How many zones were passed on in earlier calls, and how many are wanted after those.
    passed: u32,
    wanted: u32,
}

impl ZoneReport {
    /// Few, as this is on the stack of whoever asked.
    const ROOM: usize = 8;

    pub(super) fn new(sector: u64, wanted: u32) -> Self {
        Self {
            zones: [Zone::ZERO; Self::ROOM],
            len: 0,
            sector,
            passed: 0,
            wanted,
        }
    }

    /// The sector that the zone which is put next has to contain.
    pub fn sector(&self) -> u64 {
        self.sector
    }

    /// How many more zones are wanted, however many there is room for now. This is [`u32::MAX`] or
    /// close to it if all are.
    pub fn wanted(&self) -> u32 {
        self.wanted - self.len as u32
    }

    /// Whether this is the first call for what somebody asked, and nothing was put yet.
    pub fn is_first(&self) -> bool {
        self.passed == 0 && self.len == 0
    }

    /// Whether there is no room for another zone, or none is wanted.
    pub fn is_full(&self) -> bool {
        self.len == Self::ROOM || self.wanted() == 0
    }

    /// Puts a zone: the one that contains the sector asked for at first, then the one that begins
    /// where the last one ended, and so on.
    ///
    /// # Errors
    ///
    /// `EIO` if the zone is not that one, or if its parts do not fit together; `ENOSPC` if the
    /// report [is full](Self::is_full).
    pub fn put(&mut self, zone: Zone) -> Result {
        if self.is_full() {
            return Err(ENOSPC);
        }
        let first = self.is_first();
        let expected =
            zone.start == self.sector || (first && self.sector.wrapping_sub(zone.start) < zone.len);
        if !zone.is_plausible() || !expected {
            return Err(EIO);
        }
        self.zones[self.len] = zone;
        self.len += 1;
        self.sector = zone.start + zone.len;
        Ok(())
    }

    /// Hands the zones that were put to `pass`, with their numbers in the whole report, and makes
    /// room for more. Stops at a result that is not zero, and returns it.
    pub(super) fn pass_on(&mut self, mut pass: impl FnMut(u32, &Zone) -> c_int) -> c_int {
        for (zone, number) in self.zones().iter().zip(self.passed..) {
            let result = pass(number, zone);
            if result != 0 {
                return result;
            }
        }
        self.passed += self.len as u32;
        self.wanted -= self.len as u32;
        self.len = 0;
        0
    }

    /// A report for testing what a driver puts.
    #[cfg(CONFIG_KUNIT = "y")]
    pub fn for_test(sector: u64, wanted: u32) -> Self {
        Self::new(sector, wanted)
    }

    /// The zones that were put, and not yet passed on to who asked.
    pub fn zones(&self) -> &[Zone] {
        &self.zones[..self.len]
    }

    /// How many zones were passed on.
    pub(super) fn passed(&self) -> u32 {
        self.passed
    }
}

/// Passes a zone on to who asked the block layer for it. May sleep.
///
/// # Safety
///
/// `disk` and `args` must be what `report_zones()` was called with, in the call.
#[cfg(CONFIG_BLK_DEV_ZONED)]
pub(super) unsafe fn pass_zone(
    disk: *mut bindings::gendisk,
    number: u32,
    zone: &Zone,
    args: *mut bindings::blk_report_zones_args,
) -> c_int {
    let mut zone = zone.to_raw();
    // SAFETY: By the requirements of this function. The zone is a copy that the callee may change.
    unsafe { bindings::disk_report_zone(disk, &mut zone, number, args) }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
#[kunit_tests(rust_block_zone)]
mod tests {
    use super::*;

    const SEQUENTIAL: Zone = Zone {
        start: 1000,
        len: 100,
        capacity: 80,
        wp: 1000,
        zone_type: ZoneType::SequentialRequired,
        cond: ZoneCond::Empty,
    };
    const CONVENTIONAL: Zone = Zone {
        capacity: 100,
        zone_type: ZoneType::Conventional,
        cond: ZoneCond::NotWp,
        ..SEQUENTIAL
    };

    #[test]
    fn zones_are_checked() {
        let seq = SEQUENTIAL;
        assert!(seq.is_plausible());
        assert!(CONVENTIONAL.is_plausible());

        assert!(!Zone { len: 0, ..seq }.is_plausible());
        assert!(!Zone { capacity: 0, ..seq }.is_plausible());
        assert!(!Zone {
            capacity: 101,
            ..seq
        }
        .is_plausible());
        assert!(!Zone {
            start: u64::MAX - 99,
            ..seq
        }
        .is_plausible());
        assert!(!Zone {
            cond: ZoneCond::NotWp,
            ..seq
        }
        .is_plausible());
        assert!(!Zone {
            cond: ZoneCond::Empty,
            ..CONVENTIONAL
        }
        .is_plausible());
    }

    #[test]
    fn write_pointers_are_checked_in_active_zones() {
        use ZoneCond::*;

        for cond in [ImplicitOpen, ExplicitOpen, Closed] {
            let at = |wp| {
                Zone {
                    cond,
                    wp,
                    ..SEQUENTIAL
                }
                .is_plausible()
            };
            assert!(at(1000) && at(1080));
            assert!(!at(999) && !at(1081) && !at(0) && !at(u64::MAX));
            // The block layer keeps 32 bits of the distance.
            assert!(!at(1000 + (1 << 32)));
        }
        for cond in [Empty, Full, ReadOnly, Offline] {
            assert!(Zone {
                cond,
                wp: u64::MAX,
                ..SEQUENTIAL
            }
            .is_plausible());
        }
    }

    #[test]
    fn zones_come_one_after_the_other() {
        let at = |start| Zone {
            start,
            ..CONVENTIONAL
        };
        let mut report = ZoneReport::new(1050, 3);
        assert_eq!(report.put(at(900)), Err(EIO));
        assert_eq!(report.put(at(1051)), Err(EIO));
        assert!(report.is_first());
        assert_eq!(report.put(at(1000)), Ok(()));
        assert!(!report.is_first());
        assert_eq!(report.sector(), 1100);
        assert_eq!(report.put(at(1000)), Err(EIO));
        assert_eq!(report.put(at(1050)), Err(EIO));
        assert_eq!(report.put(at(1100)), Ok(()));
        assert_eq!(report.wanted(), 1);
        assert_eq!(report.put(at(1200)), Ok(()));
        assert!(report.is_full());
        assert_eq!(report.put(at(1300)), Err(ENOSPC));
    }

    #[test]
    fn reports_are_passed_on_in_pieces() {
        let mut report = ZoneReport::new(0, u32::MAX);
        let mut numbers = KVec::new();
        for round in 0..3u64 {
            while !report.is_full() {
                let start = report.sector();
                let zone = Zone {
                    start,
                    ..CONVENTIONAL
                };
                assert_eq!(report.put(zone), Ok(()));
            }
            assert_eq!(report.zones().len(), ZoneReport::ROOM);
            let pass = |number, zone: &Zone| {
                assert_eq!(zone.start, 100 * u64::from(number));
                let _ = numbers.push(number, GFP_KERNEL);
                0
            };
            assert_eq!(report.pass_on(pass), 0);
            assert_eq!(report.zones().len(), 0);
            assert!(!report.is_first());
            assert_eq!(u64::from(report.passed()), (round + 1) * 8);
        }
        assert!(numbers.iter().copied().eq(0..24));
    }

    #[test]
    fn who_asked_can_stop_a_report() {
        let mut report = ZoneReport::new(0, 4);
        for start in [0, 100, 200, 300] {
            let zone = Zone {
                start,
                ..CONVENTIONAL
            };
            assert_eq!(report.put(zone), Ok(()));
        }
        let mut seen = 0;
        let result = report.pass_on(|number, _| {
            seen += 1;
            if number == 2 {
                -5
            } else {
                0
            }
        });
        assert_eq!((result, seen), (-5, 3));
    }
}
