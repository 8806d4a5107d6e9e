// SPDX-License-Identifier: GPL-2.0

//! Zoned disks: what they are limited to, and how they report their zones.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use super::{
    operations::Operations,
    vtable::queue_data, //
};
use crate::{
    bindings,
    block::{
        zone::{
            Layout,
            Query,
            ZoneReport, //
        },
        SECTOR_SHIFT, //
    },
    error::{
        from_result,
        to_result, //
    },
    page::PAGE_SIZE,
    prelude::*,
    types::ScopeGuard, //
};

/// The size of the largest array that the block layer can allocate.
const MAX_ARRAY_BYTES: u64 = (PAGE_SIZE << bindings::MAX_PAGE_ORDER) as u64;

/// The zones of a disk, and their limits.
///
/// See [`GenDiskBuilder::zoned`](super::GenDiskBuilder::zoned).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZonedLimits {
    /// The length of a zone in sectors of 512 bytes: a power of two, and a logical block at least.
    /// The last zone of the disk may be shorter.
    pub zone_sectors: u32,
    /// How many zones can be open at a time. Zero stands for no limit.
    pub max_open_zones: u32,
    /// How many zones can be open or closed at a time. Zero stands for no limit.
    pub max_active_zones: u32,
    /// The size of the largest zone append, in sectors of 512 bytes. Zero stands for a device
    /// without that operation, for which the block layer does it by ordinary writes.
    pub max_append_sectors: u32,
}

impl ZonedLimits {
    /// Puts the limits where C has them.
    pub(super) fn apply(&self, limits: &mut bindings::queue_limits, capacity_sectors: u64) {
        // A limit of at least the number of zones is none. The block layer would find out only
        // after it has allocated memory for each of them.
        let zones = self.zones(capacity_sectors);
        let limit = |number: u32| if u64::from(number) < zones { number } else { 0 };

        limits.features |= bindings::BLK_FEAT_ZONED;
        limits.chunk_sectors = self.zone_sectors;
        limits.max_open_zones = limit(self.max_open_zones);
        limits.max_active_zones = limit(self.max_active_zones);
        limits.max_hw_zone_append_sectors = self.max_append_sectors;
    }

    /// How many zones a disk of so many sectors has, if zones have an acceptable length.
    fn zones(&self, capacity_sectors: u64) -> u64 {
        // By shift, as a division could panic.
        let full = capacity_sectors >> self.zone_sectors.trailing_zeros();
        let rest = capacity_sectors & u64::from(self.zone_sectors.wrapping_sub(1));
        full + u64::from(rest != 0)
    }

    /// Refuses what the block layer would find out late, or not at all.
    pub(super) fn validate(
        &self,
        has_report_zones: bool,
        capacity_sectors: u64,
        logical_block_size: u32,
    ) -> Result {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            return Err(EOPNOTSUPP);
        }
        // Without it there is nothing that the block layer could call.
        if !has_report_zones || !self.zone_sectors.is_power_of_two() {
            return Err(EINVAL);
        }
        // What is larger than a zone can't be split.
        if self.zone_sectors < logical_block_size >> SECTOR_SHIFT {
            return Err(EINVAL);
        }
        // The block layer has an array of bytes for the zones, and one of pointers for those that
        // can be active, and allocating more than is possible warns.
        let zones = self.zones(capacity_sectors);
        let active = u64::from(self.max_open_zones.max(self.max_active_zones)).min(zones);
        let pointer = size_of::<*mut c_void>() as u64;
        if zones.max(active.saturating_mul(pointer)) > MAX_ARRAY_BYTES {
            return Err(ENOMEM);
        }
        Ok(())
    }
}

/// Lets the block layer look at all zones of a disk. May sleep.
///
/// # Safety
///
/// `disk` must be valid and set up, with [`report_zones`] of the driver in its table and
/// [`ZonedLimits`] applied, and not be added yet.
pub(super) unsafe fn revalidate(disk: *mut bindings::gendisk) -> Result {
    #[cfg(CONFIG_BLK_DEV_ZONED)]
    {
        // SAFETY: By the requirements of this function. Nothing else changes the disk.
        to_result(unsafe { bindings::blk_revalidate_disk_zones(disk) })
    }

    #[cfg(not(CONFIG_BLK_DEV_ZONED))]
    {
        let _ = disk;
        Err(EOPNOTSUPP)
    }
}

/// Calls `f` while the use count of the queue is held, which the removal of the disk waits for.
///
/// Waits while the queue is frozen.
///
/// # Errors
///
/// `ENODEV` if the disk is being removed, or is no more.
///
/// # Safety
///
/// `q` must be valid, and the caller must not be one that a freeze of the queue waits for.
// Not inlined into modules, for which the C functions are not exported.
#[inline(never)]
unsafe fn enter_queue(q: *mut bindings::request_queue) -> Result {
    // SAFETY: By the requirements of this function.
    to_result(unsafe { bindings::blk_queue_enter(q, 0) })
}

/// Gives back what [`enter_queue`] has taken.
///
/// # Safety
///
/// Must be called once after each [`enter_queue`] that succeeded, with the same queue.
#[inline(never)]
unsafe fn exit_queue(q: *mut bindings::request_queue) {
    // SAFETY: By the requirements of this function.
    unsafe { bindings::blk_queue_exit(q) };
}

/// Asks the driver for zones and passes them on.
///
/// Anything that has the disk open can ask, also while and after the disk is removed: the block
/// layer holds nothing that the removal waits for. So the driver is called with the use count of
/// the queue held, which `del_gendisk()` waits for and which can't be had after it. The zones are
/// passed on without it: that may take until user space has dealt with a page fault.
///
/// # Safety
///
/// Only to be called by the block layer, for a disk of `T`, not from where the use count of its
/// queue is held.
pub(super) unsafe extern "C" fn report_zones<T: Operations>(
    disk: *mut bindings::gendisk,
    sector: bindings::sector_t,
    nr_zones: c_uint,
    args: *mut bindings::blk_report_zones_args,
) -> c_int {
    // SAFETY: The disk is valid during the call, and so are its queue and its block device, whose
    // limits and size `GenDiskBuilder::build` has set before.
    let (q, zone_sectors, capacity) = unsafe {
        let q = (*disk).queue;
        (q, (*q).limits.chunk_sectors, (*(*disk).part0).bd_nr_sectors)
    };
    let mut query = Query {
        layout: Layout {
            capacity,
            zone_sectors: zone_sectors.into(),
        },
        sector,
        reported: 0,
        wanted: nr_zones,
    };

    while query.wanted > 0 {
        let mut report = ZoneReport::new(query);
        let result = from_result(|| {
            // SAFETY: The queue is valid, and its use count not held by the caller.
            unsafe { enter_queue(q) }?;
            let entered = ScopeGuard::new(|| {
                // SAFETY: The queue was entered above.
                unsafe { exit_queue(q) }
            });
            // SAFETY: `GenDisk::drop` drops the queue data after `del_gendisk()`, which waits for
            // the use count that is held here. `GenDiskBuilder::build`, which calls this through
            // `revalidate`, owns the queue data meanwhile.
            T::report_zones(unsafe { queue_data::<T>(q) }, &mut report)?;
            drop(entered);
            Ok(0)
        });
        if result != 0 {
            return result;
        }
        // A test's driver can have put a report of its own into the place of this one.
        #[cfg(CONFIG_KUNIT = "y")]
        if report.query() != query {
            return EIO.to_errno();
        }
        let Some(last) = report.zones().last() else {
            break;
        };
        query.sector = last.start + last.len;
        for (zone, number) in report.zones().iter().zip(query.reported..) {
            #[cfg(CONFIG_BLK_DEV_ZONED)]
            // SAFETY: These are the arguments of this function, which the block layer called. By
            // the invariants of the report, which is about what was asked, the zones of all rounds
            // are zones of the disk, in order and without gaps, and no more than asked for.
            let result = unsafe { crate::block::zone::pass_zone(disk, number, zone, args) };

            #[cfg(not(CONFIG_BLK_DEV_ZONED))]
            let result = {
                let _ = (number, zone, args);
                EOPNOTSUPP.to_errno()
            };
            if result != 0 {
                return result;
            }
        }
        query.reported += report.zones().len() as u32;
        query.wanted -= report.zones().len() as u32;
    }
    query.reported.try_into().unwrap_or(c_int::MAX)
}
