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
    const fn is_active(self) -> bool {
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
    /// Where the next write goes. Not looked at unless the zone is open or closed.
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

/// How a disk is divided into zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The capacity of the disk, in sectors.
    pub(super) capacity: u64,
    /// The length of all zones but the last, in sectors.
    pub(super) zone_sectors: u64,
}

impl Layout {
    /// Whether `zone` is one of the disk's zones.
    fn has(self, zone: &Zone) -> bool {
        zone.start < self.capacity
            && zone.start.checked_rem(self.zone_sectors) == Some(0)
            && zone.len == self.zone_sectors.min(self.capacity - zone.start)
    }
}

/// What a driver is asked to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) layout: Layout,
    /// A sector of the first zone that is wanted.
    pub(super) sector: u64,
    /// The number of zones that were reported before.
    pub(super) reported: u32,
    /// The number of zones that are wanted.
    pub(super) wanted: u32,
}

/// The zones that a driver reports.
///
/// [`Operations::report_zones`](super::mq::Operations::report_zones) gets this, and
/// [puts](Self::put) the zone that contains [`sector`](Self::sector) into it, and those after it,
/// until it [is full](Self::is_full) or the disk ends:
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
/// It has room for a few zones. The driver is called again for the next ones, and puts nothing if
/// there are none.
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
    /// Few, as a report is on the stack.
    const ROOM: usize = 8;

    pub(super) fn new(query: Query) -> Self {
        // INVARIANT: There are no zones.
        Self {
            zones: [Zone::ZERO; Self::ROOM],
            len: 0,
            query,
        }
    }

    /// A report for testing what a driver puts, about a disk of `capacity` sectors with zones of
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

    /// A sector of the zone that is to be put next.
    pub fn sector(&self) -> u64 {
        match self.zones().last() {
            Some(zone) => zone.start + zone.len,
            None => self.query.sector,
        }
    }

    /// The number of zones that are wanted, which may be more than there is room for. This is
    /// [`u32::MAX`] or close to it if all are.
    pub fn wanted(&self) -> u32 {
        self.query.wanted - self.len as u32
    }

    /// Whether no zone was put yet, in this call or in one before it.
    pub fn is_first(&self) -> bool {
        self.query.reported == 0 && self.len == 0
    }

    /// Whether there is no room for another zone, or none is wanted.
    pub fn is_full(&self) -> bool {
        self.len == Self::ROOM || self.wanted() == 0
    }

    /// Puts a zone: the one that contains [`sector`](Self::sector).
    ///
    /// # Errors
    ///
    /// `EIO` if it is another one, or none that the disk can have; `ENOSPC` if the report
    /// [is full](Self::is_full).
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
        // the first one behind the last zone.
        self.zones[self.len] = zone;
        self.len += 1;
        Ok(())
    }

    /// The zones that were put.
    pub fn zones(&self) -> &[Zone] {
        &self.zones[..self.len]
    }

    /// What the driver was asked for.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn query(&self) -> Query {
        self.query
    }
}

/// Passes a zone on to the caller that asked the block layer for it. May sleep.
///
/// # Safety
///
/// * `disk` and `args` must be what `report_zones()` was called with, in the call.
/// * `zone` must be a zone of the disk, and `number` the number of zones between the first one that
///   was asked for and this one, of which no more than asked for may be passed on.
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

    /// C sizes arrays by the number of zones that the disk has.
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

        // As many as there are, however many are wanted.
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
