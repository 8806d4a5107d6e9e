// SPDX-License-Identifier: GPL-2.0

//! Zoned disks: their limits, and reports of their zones.
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

/// The size of the largest array that the block layer can allocate, in bytes.
const MAX_ARRAY_BYTES: u64 = (PAGE_SIZE << bindings::MAX_PAGE_ORDER) as u64;

/// The zones of a disk and their limits. See
/// [`GenDiskBuilder::zoned`](super::GenDiskBuilder::zoned).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZonedLimits {
    /// The length of a zone in sectors of 512 bytes: a power of two, and at least a logical block.
    /// The last zone of the disk may be shorter.
    pub zone_sectors: u32,
    /// The largest number of open zones. Zero means no limit.
    pub max_open_zones: u32,
    /// The largest number of active zones, open or closed. Zero means no limit.
    pub max_active_zones: u32,
    /// The size of the largest zone append, in sectors of 512 bytes. Zero means that the device has
    /// no such operation; the block layer then emulates it by ordinary writes.
    pub max_append_sectors: u32,
}

impl ZonedLimits {
    /// Copies the limits to those of the queue.
    pub(super) fn apply(&self, limits: &mut bindings::queue_limits, capacity_sectors: u64) {
        // A limit that the number of zones cannot exceed is no limit. The block layer drops such a
        // limit, too, but only after it has allocated memory for that many zones.
        let zones = self.zones(capacity_sectors);
        let limit = |number: u32| if u64::from(number) < zones { number } else { 0 };

        limits.features |= bindings::BLK_FEAT_ZONED;
        limits.chunk_sectors = self.zone_sectors;
        limits.max_open_zones = limit(self.max_open_zones);
        limits.max_active_zones = limit(self.max_active_zones);
        limits.max_hw_zone_append_sectors = self.max_append_sectors;
    }

    /// Returns the number of zones of a disk with `capacity_sectors`. `zone_sectors` must be a
    /// power of two.
    fn zones(&self, capacity_sectors: u64) -> u64 {
        // Shifted, because a division could panic.
        let full = capacity_sectors >> self.zone_sectors.trailing_zeros();
        let rest = capacity_sectors & u64::from(self.zone_sectors.wrapping_sub(1));
        full + u64::from(rest != 0)
    }

    /// Rejects limits that the block layer would reject late, or not at all.
    pub(super) fn validate(
        &self,
        has_report_zones: bool,
        capacity_sectors: u64,
        logical_block_size: u32,
    ) -> Result {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            return Err(EOPNOTSUPP);
        }
        // A zoned disk needs the callback.
        if !has_report_zones || !self.zone_sectors.is_power_of_two() {
            return Err(EINVAL);
        }
        // A block that is larger than a zone can't be split.
        if self.zone_sectors < logical_block_size >> SECTOR_SHIFT {
            return Err(EINVAL);
        }
        // The block layer allocates an array of bytes for the zones, and one of pointers for the
        // zones that can be active. An allocation that is larger than possible makes the kernel
        // warn.
        let zones = self.zones(capacity_sectors);
        let active = u64::from(self.max_open_zones.max(self.max_active_zones)).min(zones);
        let pointer = size_of::<*mut c_void>() as u64;
        if zones.max(active.saturating_mul(pointer)) > MAX_ARRAY_BYTES {
            return Err(ENOMEM);
        }
        Ok(())
    }
}

/// Makes the block layer read all zones of a disk. May sleep.
///
/// # Safety
///
/// `disk` must be valid and set up, with [`report_zones`] of the driver in its table and
/// [`ZonedLimits`] applied, and not yet be added.
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

/// Takes a use count of the queue, which the removal of the disk waits for.
///
/// Sleeps while the queue is frozen.
///
/// # Errors
///
/// `ENODEV` if the disk is being removed, or has been.
///
/// # Safety
///
/// `q` must be valid, and the caller must hold nothing that a freeze of the queue waits for.
// Not inlined into modules, to which the C functions are not exported.
#[inline(never)]
unsafe fn enter_queue(q: *mut bindings::request_queue) -> Result {
    // SAFETY: By the requirements of this function.
    to_result(unsafe { bindings::blk_queue_enter(q, 0) })
}

/// Drops the use count that [`enter_queue`] took.
///
/// # Safety
///
/// Must be called once after each [`enter_queue`] that succeeded, with the same queue.
#[inline(never)]
unsafe fn exit_queue(q: *mut bindings::request_queue) {
    // SAFETY: By the requirements of this function.
    unsafe { bindings::blk_queue_exit(q) };
}

/// Asks the driver for zones and passes them to the caller that asked for them.
///
/// Any process that has the disk open can ask, also while and after the disk is removed: the block
/// layer holds nothing that the removal waits for. So this calls the driver with a use count of the
/// queue, which `del_gendisk()` waits for and after which none can be taken. It passes the zones on
/// without the count, as that may wait for user space to resolve a page fault.
///
/// # Safety
///
/// Only to be called by the block layer, for a disk of `T`, and not while the caller holds a use
/// count of its queue.
pub(super) unsafe extern "C" fn report_zones<T: Operations>(
    disk: *mut bindings::gendisk,
    sector: bindings::sector_t,
    nr_zones: c_uint,
    args: *mut bindings::blk_report_zones_args,
) -> c_int {
    // SAFETY: The disk is valid during the call, and so are its queue and its block device, whose
    // limits and size `GenDiskBuilder::add` has already set.
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
            // SAFETY: The queue is valid, and the caller does not hold a use count of it.
            unsafe { enter_queue(q) }?;
            let entered = ScopeGuard::new(|| {
                // SAFETY: The queue was entered above.
                unsafe { exit_queue(q) }
            });
            // SAFETY: `GenDisk::drop` drops the queue data after `del_gendisk()`, which waits for
            // the use count that is held here. `GenDiskBuilder::build` owns the queue data while
            // `revalidate` causes the call.
            T::report_zones(unsafe { queue_data::<T>(q) }, &mut report)?;
            drop(entered);
            Ok(0)
        });
        if result != 0 {
            return result;
        }
        // A driver in a test can replace this report by one of its own.
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
            // SAFETY: These are the arguments of this function, which the block layer called. The
            // report answers the query, and by its invariants the zones of all rounds are zones of
            // the disk, in order and without gaps, and no more than asked for.
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
