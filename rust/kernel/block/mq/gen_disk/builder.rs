// SPDX-License-Identifier: GPL-2.0

//! The builder of a disk: limits, numbers, registration.

use super::{
    AtomicWriteLimits,
    GenDisk, //
};
#[cfg(CONFIG_MODULES)]
use crate::block::mq::unload::UnloadGuard;
use crate::{
    bindings,
    block::{
        mq::{
            zoned::{
                report_zones,
                revalidate,
                ZonedLimits, //
            },
            Operations,
            TagSet, //
        },
        Major,
        SECTOR_SHIFT, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    module::this_module,
    prelude::*,
    static_lock_class,
    sync::{
        Arc,
        LockClassKey,
        Mutex, //
    },
    types::{
        ForeignOwnable,
        ScopeGuard, //
    },
};
use core::marker::PhantomData;

#[cfg(doc)]
use crate::block::Op;

/// The size of the largest segment must not be less than this, in bytes: `BLK_MIN_SEGMENT_SIZE`.
const MIN_SEGMENT_SIZE: u32 = 4096;

/// The limits and numbers of a [`GenDisk`] to build.
///
/// The default of a limit is that of `struct queue_limits`. [`build`](Self::build) fails if the
/// block layer does not accept a limit.
///
/// A disk gets [`Op::READ`] and [`Op::WRITE`]. It gets another operation only if the driver asks
/// for it here.
#[must_use]
pub struct GenDiskBuilder {
    limits: bindings::queue_limits,
    capacity_sectors: u64,
    numbers: Option<Numbers>,
    zoned: Option<ZonedLimits>,
    atomic_writes: Option<AtomicWriteLimits>,
    write_zeroes_unmaps: bool,
}

struct Numbers {
    major: Arc<Major>,
    first_minor: u32,
    minors: u32,
}

impl Default for GenDiskBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GenDiskBuilder {
    /// Describes a disk without sectors, with logical blocks of 512 bytes.
    pub fn new() -> Self {
        Self {
            limits: pin_init::zeroed(),
            capacity_sectors: 0,
            numbers: None,
            zoned: None,
            atomic_writes: None,
            write_zeroes_unmaps: false,
        }
    }

    /// Sets the capacity, in sectors of 512 bytes.
    pub fn capacity_sectors(mut self, sectors: u64) -> Self {
        self.capacity_sectors = sectors;
        self
    }

    /// Sets the size of a logical block, in bytes: the smallest unit of a read or write.
    ///
    /// A power of two, from 512 to the page size or, in kernels that support larger blocks, to 64
    /// KiB. Zero means 512.
    pub fn logical_block_size(mut self, bytes: u32) -> Self {
        self.limits.logical_block_size = bytes;
        self
    }

    /// Sets the size of a physical block, in bytes: the unit in which the device stores data.
    ///
    /// A power of two. The block layer raises it to the size of a logical block.
    pub fn physical_block_size(mut self, bytes: u32) -> Self {
        self.limits.physical_block_size = bytes;
        self
    }

    /// Sets the size of the largest request, in sectors of 512 bytes. Zero means the block layer's
    /// default.
    pub fn max_hw_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_hw_sectors = sectors;
        self
    }

    /// Sets the largest number of segments of a request. Zero means the block layer's default, 128.
    pub fn max_segments(mut self, segments: u16) -> Self {
        self.limits.max_segments = segments;
        self
    }

    /// Sets the size of the largest segment, in bytes: 4096 or more, or any size with a
    /// [`virt_boundary_mask`](Self::virt_boundary_mask). Zero means the block layer's default, 64
    /// KiB, or no limit with such a mask.
    ///
    /// The block layer counts segments of this size. [`Segments`](crate::block::mq::Segments) may
    /// divide the memory in other places.
    pub fn max_segment_size(mut self, bytes: u32) -> Self {
        self.limits.max_segment_size = bytes;
        self
    }

    /// Sets the preferred size of small I/O, in bytes. The block layer raises it to the size of a
    /// physical block.
    pub fn io_min(mut self, bytes: u32) -> Self {
        self.limits.io_min = bytes;
        self
    }

    /// Sets the preferred size of large I/O, in bytes. The block layer rounds it down to a multiple
    /// of a physical block. Zero, the default, means none.
    pub fn io_opt(mut self, bytes: u32) -> Self {
        self.limits.io_opt = bytes;
        self
    }

    /// Sets the alignment of data in memory, as a mask: 3 means addresses that are multiples of
    /// four bytes.
    ///
    /// With a mask below 511, the length of a segment need not be a multiple of a sector. Zero
    /// means 511.
    pub fn dma_alignment_mask(mut self, mask: u32) -> Self {
        self.limits.dma_alignment = mask;
        self
    }

    /// Sets a boundary for the segments of a request, as a mask. With 4095, all segments but the
    /// first start, and all but the last end, at a multiple of 4096 bytes. Zero, the default, means
    /// no boundary.
    pub fn virt_boundary_mask(mut self, mask: u32) -> Self {
        self.limits.virt_boundary_mask = mask as usize;
        self
    }

    /// Sets the size of the largest discard ([`Op::DISCARD`]), in sectors of 512 bytes, up to
    /// `u32::MAX >> 9`. With zero, the default, the device gets no discards. A discard is for one
    /// range of logical blocks.
    pub fn max_hw_discard_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_hw_discard_sectors = sectors;
        self
    }

    /// Sets the unit in which the device discards, in bytes: a power of two. The block layer raises
    /// it to the size of a physical block. Zero, the default, means a physical block. Without
    /// discards it has no effect.
    pub fn discard_granularity(mut self, bytes: u32) -> Self {
        self.limits.discard_granularity = bytes;
        self
    }

    /// Sets the size of the largest request to write zeroes ([`Op::WRITE_ZEROES`]), in sectors of
    /// 512 bytes, up to `u32::MAX >> 9`. With zero, the default, the device gets no such requests,
    /// and the block layer writes zeroes like other data.
    pub fn max_write_zeroes_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_write_zeroes_sectors = sectors;
        self
    }

    /// Declares that a request to write zeroes frees the storage of its sectors, unless
    /// [`OpFlags::is_nounmap`](crate::block::OpFlags::is_nounmap).
    pub fn write_zeroes_unmaps(mut self, yes: bool) -> Self {
        self.write_zeroes_unmaps = yes;
        self
    }

    /// Allows atomic writes, [`OpFlags::is_atomic`](crate::block::OpFlags::is_atomic), with these
    /// sizes. With `None`, the default, there are no atomic writes.
    pub fn atomic_writes(mut self, limits: Option<AtomicWriteLimits>) -> Self {
        self.atomic_writes = limits;
        self
    }

    /// Declares that the device is rotational, so that the order of accesses matters.
    pub fn rotational(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_ROTATIONAL, yes)
    }

    /// Declares a volatile write cache. The device then gets [`Op::FLUSH`].
    pub fn write_cache(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_WRITE_CACHE, yes)
    }

    /// Declares that the device can write around its [`write_cache`](Self::write_cache):
    /// [`OpFlags::is_fua`](crate::block::OpFlags::is_fua). Otherwise the block layer sends a flush
    /// after such a write.
    pub fn fua(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_FUA, yes)
    }

    /// Makes the disk zoned, for a driver with [`Operations::report_zones`]. `None`, the default,
    /// makes it a disk without zones.
    pub fn zoned(mut self, limits: Option<ZonedLimits>) -> Self {
        self.zoned = limits;
        self
    }

    fn feature(mut self, feature: bindings::blk_features_t, yes: bool) -> Self {
        if yes {
            self.limits.features |= feature;
        } else {
            self.limits.features &= !feature;
        }
        self
    }

    /// Sets the device numbers: `minors` numbers of `major`, from `first_minor` on, for the disk
    /// and its partitions.
    ///
    /// Without this the block layer picks numbers.
    pub fn device_number(mut self, major: Arc<Major>, first_minor: u32, minors: u32) -> Self {
        self.numbers = Some(Numbers {
            major,
            first_minor,
            minors,
        });
        self
    }

    /// Rejects limits that the block layer would warn about, or not notice.
    fn validate(&self, has_report_zones: bool) -> Result {
        let limits = &self.limits;

        if let Some(zoned) = &self.zoned {
            let block_size = limits.logical_block_size;
            zoned.validate(has_report_zones, self.capacity_sectors, block_size)?;
        }
        if limits.max_hw_sectors != 0 {
            let page_sectors = (crate::page::PAGE_SIZE >> SECTOR_SHIFT) as u32;
            let block_sectors = limits.logical_block_size >> SECTOR_SHIFT;
            if limits.max_hw_sectors < page_sectors.max(block_sectors) {
                return Err(EINVAL);
            }
        }
        if limits.dma_alignment as usize > crate::page::PAGE_SIZE {
            return Err(EINVAL);
        }
        if limits.virt_boundary_mask == 0
            && (1..MIN_SEGMENT_SIZE).contains(&limits.max_segment_size)
        {
            return Err(EINVAL);
        }
        // The block layer rounds sectors by it, as a power of two.
        if limits.discard_granularity != 0 && !limits.discard_granularity.is_power_of_two() {
            return Err(EINVAL);
        }
        // The size in bytes must fit a `loff_t`.
        if self.capacity_sectors > (i64::MAX as u64) >> SECTOR_SHIFT {
            return Err(EINVAL);
        }
        match &self.numbers {
            Some(numbers) if numbers.minors == 0 => Err(EINVAL),
            _ => Ok(()),
        }
    }

    /// Creates the disk and adds it to the system. May sleep.
    ///
    /// I/O may arrive before this returns. For a zoned disk, this calls
    /// [`Operations::report_zones`]. `queue_data` is dropped with the disk, or at once if this
    /// fails.
    ///
    /// # Errors
    ///
    /// * `EINVAL` if a size is not acceptable, if the name is empty or longer than 31 bytes, or if
    ///   the disk is zoned and the driver has no [`Operations::report_zones`].
    /// * `EIO` if the driver reports a zone that the disk does not have, and `ENODEV` if the block
    ///   layer rejects the zones; the kernel logs the reason.
    /// * `EOPNOTSUPP` if the disk is zoned and the kernel lacks `CONFIG_BLK_DEV_ZONED`.
    /// * `ENOMEM` if there is not enough memory, or if the disk has more zones than the block layer
    ///   can allocate memory for.
    /// * `EEXIST` if there is a disk with this name or number. The kernel then logs a stack trace,
    ///   so the driver should check first.
    pub fn build<T: Operations>(
        self,
        name: &CStr,
        tag_set: Arc<TagSet<T>>,
        queue_data: T::QueueData,
    ) -> Result<GenDisk<T>> {
        let queue_data = queue_data.into_foreign();
        let queue_data = ScopeGuard::new_with_data(queue_data, |queue_data| {
            // SAFETY: This came from `into_foreign` above, and is converted back only here. The
            // guard is dismissed once a `GenDisk` owns it.
            drop(unsafe { T::QueueData::from_foreign(queue_data) });
        });
        let table = bindings::block_device_operations {
            // The block layer holds a reference to this module while the disk is open, so the
            // module is not unloaded before the last close has begun.
            owner: this_module::<T::OwnerModule>().as_ptr(),
            report_zones: if T::HAS_REPORT_ZONES {
                Some(report_zones::<T>)
            } else {
                None
            },
            free_disk: Some(free_file_operations),
            ..pin_init::zeroed()
        };
        // SAFETY: By its type invariant the tag set is set up, with the operations of `T`. The
        // table and the queue data are for `T`, too, and the owner is the module of `T`, or null if
        // that is built in. The module is not freed while this runs, as this is its code. On an
        // error, the queue data and the tag set are dropped after the call. On success, `GenDisk`
        // drops them after it has removed and put the disk, or they are leaked.
        let added = unsafe {
            self.add(
                name,
                table,
                static_lock_class!(),
                tag_set.as_raw(),
                tag_set.queues_lock(),
                *queue_data,
            )
        }?;
        queue_data.dismiss();
        // INVARIANT: The disk was added by the call above, with queue data from `into_foreign`.
        Ok(GenDisk {
            disk: added.disk,
            #[cfg(CONFIG_MODULES)]
            guard: Some(added.guard),
            tag_set,
            _major: self.numbers.map(|numbers| numbers.major),
            _p: PhantomData,
        })
    }

    /// Creates the disk of any driver and adds it to the system.
    ///
    /// This is not generic, so its code is in the kernel once, and not in each module.
    ///
    /// On an error this puts the disk. On success the reference to the disk passes to the side that
    /// claims the disk from the guard; in a kernel without modules, to the caller. `queue_data`
    /// stays the caller's in both cases.
    ///
    /// # Safety
    ///
    /// There must be a driver `T` for which all of this holds:
    ///
    /// * `set` is the C tag set of a `TagSet<T>`, and `queues_lock` is the lock of that.
    /// * `queue_data` came from `T::QueueData::into_foreign`.
    /// * `report_zones` in `table` is that of `T`, or `None`. `free_disk` is
    ///   [`free_file_operations`]. `owner` is the module of `T`, or null if `T` is built in. All
    ///   other functions are `None`.
    ///
    /// The module must not be freed, and the tag set and the queue data must not be dropped, before
    /// this returns. If this succeeds, the queue data must not be dropped before the disk has been
    /// removed, nor the tag set before it has been put.
    #[inline(never)]
    unsafe fn add(
        &self,
        name: &CStr,
        table: bindings::block_device_operations,
        lock_class: Pin<&'static LockClassKey>,
        set: *mut bindings::blk_mq_tag_set,
        queues_lock: &Mutex<()>,
        queue_data: *mut c_void,
    ) -> Result<Added> {
        self.validate(table.report_zones.is_some())?;
        let mut limits = self.limits;
        if let Some(zoned) = &self.zoned {
            zoned.apply(&mut limits, self.capacity_sectors);
        }
        if let Some(atomic_writes) = &self.atomic_writes {
            atomic_writes.validate(&limits)?;
            atomic_writes.apply(&mut limits);
        }
        if self.write_zeroes_unmaps {
            limits.max_hw_wzeroes_unmap_sectors = limits.max_write_zeroes_sectors;
        }

        // The table is freed with the disk. It is not in the driver's module, because the module
        // may be gone when the last reference to the disk's device is dropped and the block layer
        // reads the table.
        // Declared before `disk`, which points to it, so that it is dropped after `disk`.
        let fops = KBox::into_raw(KBox::new(table, GFP_KERNEL)?);
        let fops = ScopeGuard::new_with_data(fops, |fops| {
            // SAFETY: This came from `into_raw` above. The disk was not added and has been put. The
            // release of such a disk neither reads nor frees the table.
            drop(unsafe { KBox::from_raw(fops) });
        });

        let disk = {
            // While C sets up a disk, the hardware queues must not change, and no other disk must
            // be added.
            let _queues = queues_lock.lock();
            // SAFETY: By the requirements of this function the tag set is set up and outlives the
            // disk, and the queue data is for its operations. The lock class is static.
            from_err_ptr(unsafe {
                bindings::__blk_mq_alloc_disk(set, &mut limits, queue_data, lock_class.as_ptr())
            })?
        };
        let mut disk = ScopeGuard::new_with_data(disk, |disk| {
            // The same applies while C frees a disk.
            let _queues = queues_lock.lock();
            // SAFETY: `disk` was allocated above and not added. This drops its reference.
            unsafe { bindings::put_disk(disk) };
        });

        // SAFETY: The disk is valid. Nothing else uses its name, but others may read the rest of
        // the disk, which they find by its queue.
        write_name(unsafe { &mut (**disk).disk_name }, name)?;
        // SAFETY: The disk is valid and not added, and so nothing else uses the field.
        unsafe { (**disk).fops = *fops };
        if let Some(numbers) = &self.numbers {
            let major = numbers.major.number().try_into()?;
            let first_minor = numbers.first_minor.try_into()?;
            let minors = numbers.minors.try_into()?;
            // SAFETY: As above.
            unsafe {
                (**disk).major = major;
                (**disk).first_minor = first_minor;
                (**disk).minors = minors;
            }
        }
        // SAFETY: `disk` is valid.
        unsafe { bindings::set_capacity(*disk, self.capacity_sectors) };

        if self.zoned.is_some() {
            // SAFETY: `disk` is valid and not added. `validate` has checked that the driver's table
            // has the function, and the limits were applied.
            unsafe { revalidate(*disk) }?;
        }

        #[cfg(CONFIG_MODULES)]
        let guard = {
            // SAFETY: On an error below, the guard is dropped before the disk is put. On success
            // the disk stays valid until the side that claims it puts it. By the requirements of
            // this function the module is not freed before this returns, so the disk is added
            // before that.
            let guard = unsafe { UnloadGuard::new(table.owner, *disk) };
            KBox::pin_init(guard, GFP_KERNEL)?
        };

        // SAFETY: `disk` is valid and fully set up. It has no parent device and no attributes. By
        // the requirements of this function the block layer can call the functions in the tables.
        to_result(unsafe {
            bindings::device_add_disk(core::ptr::null_mut(), *disk, core::ptr::null_mut())
        })?;

        // The disk was added. It frees the table with its last reference.
        fops.dismiss();
        Ok(Added {
            disk: disk.dismiss(),
            #[cfg(CONFIG_MODULES)]
            guard,
        })
    }
}

/// Copies a disk's name, with its null byte, to the C field.
fn write_name(place: &mut [c_char; bindings::DISK_NAME_LEN as usize], name: &CStr) -> Result {
    let name = name.to_bytes_with_nul();
    if name.len() > place.len() || name.len() == 1 {
        return Err(EINVAL);
    }
    for (to, &from) in place.iter_mut().zip(name) {
        *to = from as c_char;
    }
    Ok(())
}

/// A disk that [`GenDiskBuilder::add`] has added, and the guard that removes it with its module.
struct Added {
    disk: *mut bindings::gendisk,
    #[cfg(CONFIG_MODULES)]
    guard: Pin<KBox<UnloadGuard>>,
}

/// Frees the table of a disk that was added, with the last reference to the disk.
///
/// # Safety
///
/// `disk` must be valid. Its file operations must be from [`GenDiskBuilder::add`] and no longer be
/// in use.
// Not inlined, so that the code is here and not in the driver's module.
#[inline(never)]
unsafe extern "C" fn free_file_operations(disk: *mut bindings::gendisk) {
    // SAFETY: By the requirements of this function the table is a `KBox` that only `disk` refers
    // to.
    drop(unsafe { KBox::from_raw((*disk).fops.cast_mut()) });
}
