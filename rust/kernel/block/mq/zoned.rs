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
    block::zone::ZoneReport,
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

/// What the block layer has to know of a zoned disk before it asks for its zones.
///
/// See [`GenDiskBuilder::zoned`](super::GenDiskBuilder::zoned).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZonedLimits {
    /// The length of a zone in sectors of 512 bytes: a power of two. The last zone of the disk may
    /// be shorter.
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
        // As many as there are zones are no limit. The block layer finds that out itself, after it
        // has allocated memory for each of them.
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
    pub(super) fn validate<T: Operations>(&self, capacity_sectors: u64) -> Result {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            return Err(EOPNOTSUPP);
        }
        // Without it there is nothing that the block layer could call.
        if !T::HAS_REPORT_ZONES || !self.zone_sectors.is_power_of_two() {
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
        // SAFETY: By the requirements of this function. Nobody else changes the disk.
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

/// Asks the driver for zones and hands them to the block layer.
///
/// Whoever has the disk open can ask, also while and after the disk is removed: the block layer
/// holds nothing that would make the removal wait. So the driver is called with the use count of
/// the queue held, which `del_gendisk()` waits for and which cannot be had after it; and to hand
/// the zones on, which may take until user space has dealt with a page fault, the count is given
/// back.
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
    // SAFETY: The disk is valid during the call, and so is its queue.
    let q = unsafe { (*disk).queue };
    let mut report = ZoneReport::new(sector, nr_zones);

    while report.wanted() > 0 {
        let put = from_result(|| {
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
            Ok(report.zones().len() as c_int)
        });
        if put <= 0 {
            return if put < 0 { put } else { passed(&report) };
        }

        let result = report.pass_on(|number, zone| {
            // The driver can have put a report for tests into the place of this one. Who asked may
            // have room for no more than it asked for.
            if number >= nr_zones {
                return EIO.to_errno();
            }
            #[cfg(CONFIG_BLK_DEV_ZONED)]
            // SAFETY: These are the arguments of this function, which the block layer called.
            return unsafe { crate::block::zone::pass_zone(disk, number, zone, args) };

            #[cfg(not(CONFIG_BLK_DEV_ZONED))]
            {
                let _ = (number, zone, args);
                EOPNOTSUPP.to_errno()
            }
        });
        if result != 0 {
            return result;
        }
    }
    passed(&report)
}

/// The result of a whole report.
fn passed(report: &ZoneReport) -> c_int {
    report.passed().try_into().unwrap_or(c_int::MAX)
}
