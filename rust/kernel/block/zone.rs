// SPDX-License-Identifier: GPL-2.0

//! Zones of zoned block devices.
//!
//! A zoned device divides its sectors into zones. Most of them can only be written in sequence, at
//! a position that the device keeps (the *write pointer*), and must be reset before they are
//! written again.
//!
//! A driver makes a zoned disk with [`GenDiskBuilder::zoned`](super::mq::GenDiskBuilder::zoned) and
//! reports its zones in [`Operations::report_zones`](super::mq::Operations).
//!
//! C headers: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/uapi/linux/blkzoned.h`](srctree/include/uapi/linux/blkzoned.h)

use crate::{
    bindings,
    prelude::*,
    sync::atomic::AtomicType, //
};

/// The type of a zone: `enum blk_zone_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ZoneType {
    /// Can be written anywhere, like a device without zones.
    Conventional = bindings::blk_zone_type_BLK_ZONE_TYPE_CONVENTIONAL as u8,
    /// Can be written at the write pointer only.
    SequentialRequired = bindings::blk_zone_type_BLK_ZONE_TYPE_SEQWRITE_REQ as u8,
}

/// The condition of a zone: `enum blk_zone_cond`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ZoneCond {
    /// The zone has no write pointer: it is conventional.
    NotWp = bindings::blk_zone_cond_BLK_ZONE_COND_NOT_WP as u8,
    /// Not written since the last reset.
    Empty = bindings::blk_zone_cond_BLK_ZONE_COND_EMPTY as u8,
    /// Opened by a write.
    ImplicitOpen = bindings::blk_zone_cond_BLK_ZONE_COND_IMP_OPEN as u8,
    /// Opened by [`Op::ZONE_OPEN`](super::Op::ZONE_OPEN).
    ExplicitOpen = bindings::blk_zone_cond_BLK_ZONE_COND_EXP_OPEN as u8,
    /// Written in part, not open.
    Closed = bindings::blk_zone_cond_BLK_ZONE_COND_CLOSED as u8,
    /// Can be read, but never be written again.
    ReadOnly = bindings::blk_zone_cond_BLK_ZONE_COND_READONLY as u8,
    /// Written up to its capacity, or finished.
    Full = bindings::blk_zone_cond_BLK_ZONE_COND_FULL as u8,
    /// Can never be read or written again.
    Offline = bindings::blk_zone_cond_BLK_ZONE_COND_OFFLINE as u8,
}

impl ZoneCond {
    /// Returns true if the zone is open, and counts towards a device's limit of open zones.
    #[inline]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::ImplicitOpen | Self::ExplicitOpen)
    }

    /// Returns true if the zone is open or closed, and counts towards a device's limit of active
    /// zones.
    #[inline]
    const fn is_active(self) -> bool {
        self.is_open() || matches!(self, Self::Closed)
    }
}

static_assert!(size_of::<ZoneCond>() == size_of::<i8>());
static_assert!(align_of::<ZoneCond>() == align_of::<i8>());

// SAFETY: Size and alignment are those of `i8`, see above. The type has no data but the
// discriminant, all bits of which are initialized, so it can be turned into an `i8` and back. It is
// `Send`.
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
    /// The number of sectors to the next zone.
    pub len: u64,
    /// The number of sectors that can be written. This is `len` for a conventional zone.
    pub capacity: u64,
    /// The write pointer: the sector that is written next. Ignored unless the zone is open or
    /// closed.
    pub wp: u64,
    /// The type of the zone.
    pub zone_type: ZoneType,
    /// The condition of the zone.
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

    /// Checks that the fields are consistent. The block layer computes zone numbers from the write
    /// pointer of an active zone, and does not check them.
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

/// The division of a disk into zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The capacity of the disk, in sectors.
    pub(super) capacity: u64,
    /// The length of all zones but the last, in sectors.
    pub(super) zone_sectors: u64,
}

impl Layout {
    /// Returns true if `zone` is one of the disk's zones.
    fn has(self, zone: &Zone) -> bool {
        zone.start < self.capacity
            && zone.start.checked_rem(self.zone_sectors) == Some(0)
            && zone.len == self.zone_sectors.min(self.capacity - zone.start)
    }
}

/// A query of the block layer for zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) layout: Layout,
    /// A sector of the first zone that is asked for.
    pub(super) sector: u64,
    /// The number of zones that the driver has reported so far.
    pub(super) reported: u32,
    /// The number of zones that are asked for and not reported yet.
    pub(super) wanted: u32,
}

/// A report of zones, which a driver fills.
///
/// [`Operations::report_zones`](super::mq::Operations::report_zones) [puts](Self::put) into it the
/// zone that contains [`sector`](Self::sector), and the zones after it, until the report [is
/// full](Self::is_full) or the disk ends:
///
/// ```
/// use kernel::block::{Zone, ZoneCond, ZoneReport, ZoneType};
///
/// /// Zones of 1 MiB, all empty.
/// fn report_zones(capacity: u64, report: &mut ZoneReport) -> Result {
///     while !report.is_full() && report.sector() < capacity {
///         let start = report.sector() & !2047;
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
/// ```
///
/// A report has room for a few zones. The block layer calls the driver again for the next ones; a
/// driver that has no more returns without putting any.
///
/// # Invariants
///
/// `zones[..len]` are zones of `query.layout`, in order and without gaps, the first of which
/// contains `query.sector`. There are no more than `query.wanted`.
pub struct ZoneReport {
    zones: [Zone; Self::ROOM],
    len: usize,
    query: Query,
}

impl ZoneReport {
    /// Few, because a report is on the stack.
    const ROOM: usize = 8;

    pub(super) fn new(query: Query) -> Self {
        // INVARIANT: There are no zones.
        Self {
            zones: [Zone::ZERO; Self::ROOM],
            len: 0,
            query,
        }
    }

    /// Makes a report to test a driver with, for a disk of `capacity` sectors with zones of
    /// `zone_sectors`.
    #[cfg(CONFIG_KUNIT = "y")]
    pub fn for_test(capacity: u64, zone_sectors: u64, sector: u64, wanted: u32) -> Self {
        Self::new(Query {
            layout: Layout {
                capacity,
                zone_sectors,
            },
            sector,
            reported: 0,
            wanted,
        })
    }

    /// Returns a sector of the zone to put next.
    pub fn sector(&self) -> u64 {
        match self.zones().last() {
            Some(zone) => zone.start + zone.len,
            None => self.query.sector,
        }
    }

    /// Returns the number of zones that are still asked for, which may be more than the report has
    /// room for. This is [`u32::MAX`] or close to it if all zones are asked for.
    pub fn wanted(&self) -> u32 {
        self.query.wanted - self.len as u32
    }

    /// Returns true if the driver has put no zone yet, in this call or an earlier one.
    pub fn is_first(&self) -> bool {
        self.query.reported == 0 && self.len == 0
    }

    /// Returns true if there is no room for another zone, or no zone is asked for.
    pub fn is_full(&self) -> bool {
        self.len == Self::ROOM || self.wanted() == 0
    }

    /// Puts the zone that contains [`sector`](Self::sector).
    ///
    /// # Errors
    ///
    /// `EIO` if `zone` does not contain it, or the disk can't have such a zone; `ENOSPC` if the
    /// report [is full](Self::is_full).
    pub fn put(&mut self, zone: Zone) -> Result {
        if self.is_full() {
            return Err(ENOSPC);
        }
        let contains = self.sector().checked_sub(zone.start);
        if !zone.is_plausible()
            || !self.query.layout.has(&zone)
            || contains.is_none_or(|offset| offset >= zone.len)
        {
            return Err(EIO);
        }
        // INVARIANT: The zone is one of the layout. It contains the sector that was asked for, or
        // the first sector after the zone before it.
        self.zones[self.len] = zone;
        self.len += 1;
        Ok(())
    }

    /// Returns the zones in the report.
    pub fn zones(&self) -> &[Zone] {
        &self.zones[..self.len]
    }

    /// Returns the query that the report is for.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn query(&self) -> Query {
        self.query
    }
}

/// Passes a zone to the caller that asked the block layer for zones. May sleep.
///
/// # Safety
///
/// * `disk` and `args` must be the arguments of `report_zones()`, during that call.
/// * `zone` must be a zone of the disk, and `number` the number of zones between the first one that
///   was asked for and this one. No more zones may be passed than were asked for.
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

    fn report(capacity: u64, sector: u64, wanted: u32) -> ZoneReport {
        ZoneReport::new(Query {
            layout: Layout {
                capacity,
                zone_sectors: 100,
            },
            sector,
            reported: 0,
            wanted,
        })
    }

    #[test]
    fn zones_come_one_after_the_other() {
        let at = |start| Zone {
            start,
            ..CONVENTIONAL
        };
        let mut report = report(5000, 1050, 3);
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

    /// The block layer sizes arrays by the number of zones of the disk.
    #[test]
    fn zones_lie_inside_the_disk() {
        let at = |start, len| Zone {
            start,
            len,
            capacity: len,
            ..CONVENTIONAL
        };
        for (capacity, zone, result) in [
            (1050, at(1000, 100), Err(EIO)),
            (1050, at(1000, 50), Ok(())),
            (1050, at(1000, 49), Err(EIO)),
            (1100, at(1000, 50), Err(EIO)),
            (1100, at(1000, 100), Ok(())),
            (1000, at(1000, 100), Err(EIO)),
            (900, at(1000, 100), Err(EIO)),
            (2000, at(1000, 200), Err(EIO)),
            (2000, at(950, 100), Err(EIO)),
            (0, at(1000, 100), Err(EIO)),
        ] {
            assert_eq!(report(capacity, 1010, 9).put(zone), result);
        }

        // The disk has three zones, although more are asked for.
        let mut report = report(250, 0, u32::MAX);
        for (start, len) in [(0, 100), (100, 100), (200, 50)] {
            assert_eq!(report.put(at(start, len)), Ok(()));
        }
        assert_eq!(report.sector(), 250);
        for zone in [at(250, 50), at(250, 100), at(300, 100)] {
            assert_eq!(report.put(zone), Err(EIO));
        }
        assert_eq!(report.zones().len(), 3);
    }

    #[test]
    fn report_without_layout_takes_nothing() {
        let mut report = ZoneReport::new(Query {
            layout: Layout {
                capacity: 5000,
                zone_sectors: 0,
            },
            sector: 0,
            reported: 0,
            wanted: 9,
        });
        assert_eq!(
            report.put(Zone {
                start: 0,
                ..CONVENTIONAL
            }),
            Err(EIO)
        );
    }
}
