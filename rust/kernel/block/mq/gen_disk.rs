// SPDX-License-Identifier: GPL-2.0

//! Disks.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

#[cfg(CONFIG_MODULES)]
use super::unload::{
    wait_for_last_close,
    UnloadGuard, //
};
use super::{
    operations::Operations,
    tag_set::TagSet,
    zoned::{
        report_zones,
        revalidate,
        ZonedLimits, //
    },
};
use crate::{
    bindings,
    block::{
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
    sync::Arc,
    types::{
        ForeignOwnable,
        ScopeGuard, //
    },
};
use core::marker::PhantomData;

/// How a [`GenDisk`] is to be made.
///
/// What is not set is as `struct queue_limits` has it by default. Sizes that the block layer does
/// not accept make [`build`](Self::build) fail.
///
/// # Examples
///
/// ```
/// use kernel::block::mq::GenDiskBuilder;
///
/// // A hard disk of 1 GiB that takes units of 4 KiB, and 512 KiB at a time.
/// let builder = GenDiskBuilder::new()
///     .capacity_sectors(1 << 21)
///     .logical_block_size(4096)
///     .physical_block_size(4096)
///     .max_hw_sectors(1024)
///     .rotational(true)
///     .write_cache(true)
///     .fua(true);
/// # let _ = builder;
/// ```
///
/// What [`build`](Self::build) makes of it is shown in the [module documentation](super).
#[must_use]
pub struct GenDiskBuilder {
    limits: bindings::queue_limits,
    capacity_sectors: u64,
    numbers: Option<Numbers>,
    zoned: Option<ZonedLimits>,
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
    /// A disk without sectors, with logical blocks of 512 bytes.
    pub fn new() -> Self {
        Self {
            limits: pin_init::zeroed(),
            capacity_sectors: 0,
            numbers: None,
            zoned: None,
        }
    }

    /// Sets the capacity, in sectors of 512 bytes.
    pub fn capacity_sectors(mut self, sectors: u64) -> Self {
        self.capacity_sectors = sectors;
        self
    }

    /// Sets the size of a logical block, in bytes: the smallest unit that can be read and written.
    ///
    /// A power of two, from 512 up to a page or, where the kernel supports larger blocks, up to 64
    /// KiB. Zero stands for 512.
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

    /// Sets the size of the largest request, in sectors of 512 bytes. Zero stands for the block
    /// layer's default.
    pub fn max_hw_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_hw_sectors = sectors;
        self
    }

    /// Sets the alignment of data in memory, as a mask: 3 asks for addresses that are multiples of
    /// four.
    ///
    /// With less than 511, segments may have lengths that are not multiples of a sector. Zero
    /// stands for 511.
    ///
    /// # Examples
    ///
    /// A controller that moves words of four bytes, by a list of pages in which only the ends may
    /// be partly used:
    ///
    /// ```
    /// use kernel::block::mq::GenDiskBuilder;
    ///
    /// let builder = GenDiskBuilder::new()
    ///     .dma_alignment_mask(4 - 1)
    ///     .virt_boundary_mask(4096 - 1);
    /// # let _ = builder;
    /// ```
    pub fn dma_alignment_mask(mut self, mask: u32) -> Self {
        self.limits.dma_alignment = mask;
        self
    }

    /// Sets the boundary that no gap between two pieces of a request's data may miss, as a mask:
    /// with 4095, each piece but the first begins, and each but the last ends, at a multiple of
    /// 4096 bytes. Zero, the default, stands for no such demand.
    pub fn virt_boundary_mask(mut self, mask: u32) -> Self {
        self.limits.virt_boundary_mask = mask as usize;
        self
    }

    /// Sets the size of the largest discard, in sectors of 512 bytes. With zero, the default, the
    /// device gets none.
    ///
    /// # Examples
    ///
    /// Thin provisioning, in commands of up to 32 MiB:
    ///
    /// ```
    /// use kernel::block::mq::GenDiskBuilder;
    ///
    /// let builder = GenDiskBuilder::new()
    ///     .max_hw_discard_sectors(1 << 16)
    ///     .max_write_zeroes_sectors(1 << 16);
    /// # let _ = builder;
    /// ```
    pub fn max_hw_discard_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_hw_discard_sectors = sectors;
        self
    }

    /// Sets the size of the largest request to write zeroes, in sectors of 512 bytes. With zero,
    /// the default, the device gets none, and the block layer writes zeroes like other data.
    pub fn max_write_zeroes_sectors(mut self, sectors: u32) -> Self {
        self.limits.max_write_zeroes_sectors = sectors;
        self
    }

    /// Says whether the medium rotates, so that the order of accesses matters.
    pub fn rotational(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_ROTATIONAL, yes)
    }

    /// Says whether the device has a volatile write cache, which flush requests write out.
    pub fn write_cache(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_WRITE_CACHE, yes)
    }

    /// Says whether the device can write around its cache (`REQ_FUA`). Without a
    /// [`write_cache`](Self::write_cache) this has no effect.
    pub fn fua(self, yes: bool) -> Self {
        self.feature(bindings::BLK_FEAT_FUA, yes)
    }

    /// Makes the disk a zoned one, for a driver with [`Operations::report_zones`]. `None` makes it
    /// one without zones, which is the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::{GenDiskBuilder, ZonedLimits};
    ///
    /// let builder = GenDiskBuilder::new()
    ///     .capacity_sectors(1 << 21)
    ///     .zoned(Some(ZonedLimits {
    ///         zone_sectors: 1 << 13,
    ///         max_open_zones: 8,
    ///         max_active_zones: 0,
    ///         max_append_sectors: 1 << 13,
    ///     }));
    /// # drop(builder);
    /// ```
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

    /// Gives the disk device numbers: `minors` of them (the disk and its partitions), from
    /// `first_minor` on, of `major`.
    ///
    /// Without this the block layer finds numbers for the disk.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::GenDiskBuilder, Major},
    ///     prelude::*,
    ///     sync::Arc,
    /// };
    ///
    /// // Sixteen numbers for each disk: itself and fifteen partitions.
    /// let major = Arc::new(Major::register(c"doctest_major")?, GFP_KERNEL)?;
    /// let builder = GenDiskBuilder::new().device_number(major, 16 * 3, 16);
    /// # let _ = builder;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn device_number(mut self, major: Arc<Major>, first_minor: u32, minors: u32) -> Self {
        self.numbers = Some(Numbers {
            major,
            first_minor,
            minors,
        });
        self
    }

    /// Refuses what would make the block layer warn, or what it would not notice.
    fn validate<T: Operations>(&self) -> Result {
        let limits = &self.limits;

        if let Some(zoned) = &self.zoned {
            zoned.validate::<T>(self.capacity_sectors)?;
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
        // The size in bytes must fit a `loff_t`.
        if self.capacity_sectors > (i64::MAX as u64) >> SECTOR_SHIFT {
            return Err(EINVAL);
        }
        match &self.numbers {
            Some(numbers) if numbers.minors == 0 => Err(EINVAL),
            _ => Ok(()),
        }
    }

    /// Makes the disk and makes it known to the system. May sleep.
    ///
    /// I/O may come in before this returns, and the zones of a zoned disk are asked for.
    /// `queue_data` is dropped with the disk, or at once if this fails.
    ///
    /// # Errors
    ///
    /// * `EINVAL` if a size is not acceptable, if the name is empty or longer than 31 bytes, or if
    ///   the disk is zoned and the driver has no [`Operations::report_zones`].
    /// * `ENODEV` if the zones that the driver reports do not make up the disk; the kernel logs
    ///   what is wrong.
    /// * `EOPNOTSUPP` if the disk is zoned and the kernel is without `CONFIG_BLK_DEV_ZONED`.
    /// * `ENOMEM` if there is not enough memory, or if there are more zones than there can be
    ///   memory for.
    /// * `EEXIST` if there is a disk with this name or number; the kernel logs where this was
    ///   tried, so make sure before.
    pub fn build<T: Operations>(
        self,
        name: &CStr,
        tag_set: Arc<TagSet<T>>,
        queue_data: T::QueueData,
    ) -> Result<GenDisk<T>> {
        self.validate::<T>()?;
        let mut limits = self.limits;
        if let Some(zoned) = &self.zoned {
            zoned.apply(&mut limits, self.capacity_sectors);
        }

        let queue_data = queue_data.into_foreign();
        let queue_data = ScopeGuard::new_with_data(queue_data, |queue_data| {
            // SAFETY: This came from `into_foreign` above and is converted back only here; the
            // guard is dismissed once a `GenDisk` owns it.
            drop(unsafe { T::QueueData::from_foreign(queue_data) });
        });

        // Declared before `disk`, which refers to it, so that it is dropped after that.
        let fops = ScopeGuard::new_with_data(KBox::into_raw(file_operations::<T>()?), |fops| {
            // SAFETY: This came from `into_raw` above. The disk was not added, so that it does not
            // free the table.
            drop(unsafe { KBox::from_raw(fops) });
        });

        let disk = {
            // C does not expect the hardware queues to change, nor another disk to come, while it
            // sets up a disk.
            let _layout = tag_set.lock_layout();
            // SAFETY: The tag set is set up, and outlives the disk: `disk`, declared after it, puts
            // the disk before `tag_set` is dropped, and so does `GenDisk`.
            from_err_ptr(unsafe {
                bindings::__blk_mq_alloc_disk(
                    tag_set.as_raw(),
                    &mut limits,
                    *queue_data,
                    static_lock_class!().as_ptr(),
                )
            })?
        };
        let mut disk = ScopeGuard::new_with_data(disk, |disk| {
            // As above, the other way round.
            let _layout = tag_set.lock_layout();
            // SAFETY: `disk` was allocated above and not added.
            unsafe { bindings::put_disk(disk) };
        });

        // SAFETY: Nobody else knows the disk yet.
        let c_disk = unsafe { &mut **disk };
        write_name(&mut c_disk.disk_name, name)?;
        c_disk.fops = *fops;
        if let Some(numbers) = &self.numbers {
            c_disk.major = numbers.major.number().try_into()?;
            c_disk.first_minor = numbers.first_minor.try_into()?;
            c_disk.minors = numbers.minors.try_into()?;
        }
        // SAFETY: `disk` is valid.
        unsafe { bindings::set_capacity(*disk, self.capacity_sectors) };

        if self.zoned.is_some() {
            // SAFETY: `disk` is valid and not added. `validate` made sure that the driver's table
            // has the function, and the limits were applied.
            unsafe { revalidate(*disk) }?;
        }

        #[cfg(CONFIG_MODULES)]
        let guard = {
            let module = this_module::<T::OwnerModule>().as_ptr();
            // SAFETY: `disk` is valid until it is put, which is after the guard is dropped, unless
            // it is the guard that puts it. Nothing of the module `T` can be unloaded while this
            // runs, so that the disk is added before.
            let guard = unsafe { UnloadGuard::new(module, *disk) };
            KBox::pin_init(guard, GFP_KERNEL)?
        };

        // SAFETY: `disk` is valid and fully set up. It has no parent device and no attributes.
        to_result(unsafe {
            bindings::device_add_disk(core::ptr::null_mut(), *disk, core::ptr::null_mut())
        })?;

        queue_data.dismiss();
        // The disk was added, and frees the table when nobody uses it any more.
        fops.dismiss();
        // INVARIANT: The disk was added by the call above, with queue data from `into_foreign`.
        Ok(GenDisk {
            disk: disk.dismiss(),
            #[cfg(CONFIG_MODULES)]
            guard: Some(guard),
            _tag_set: tag_set,
            _major: self.numbers.map(|numbers| numbers.major),
            _p: PhantomData,
        })
    }
}

/// Copies a disk's name, with its null byte, to where C has it.
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

/// Makes the table of file operations for a disk of `T`.
///
/// It is in memory that goes with the disk, and not in the module of `T`: whoever has a reference
/// to the disk's device lets the block layer look into the table, and may drop that last of all,
/// when the module is gone.
fn file_operations<T: Operations>() -> Result<KBox<bindings::block_device_operations>> {
    let table = bindings::block_device_operations {
        // The block layer takes a reference to this module while the disk is open, so that the
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
    Ok(KBox::new(table, GFP_KERNEL)?)
}

/// Called when nobody uses a disk any more that was added.
///
/// # Safety
///
/// `disk` must be valid, and its file operations must be from [`file_operations`] and not be used
/// any more.
// Not inlined, so that it is here and not in the driver's module.
#[inline(never)]
unsafe extern "C" fn free_file_operations(disk: *mut bindings::gendisk) {
    // SAFETY: By the requirements of this function the table is a `KBox`, and `disk` alone has it.
    drop(unsafe { KBox::from_raw((*disk).fops.cast_mut()) });
}

/// A disk that is known to the system.
///
/// Dropping it removes the disk: no new I/O is accepted, I/O in flight is waited for, and then the
/// disk's data is dropped. If the disk is open, its file descriptors fail from then on, and the
/// module that implements `T` stays loaded until the last of them is closed. While that module is
/// being initialized, dropping a disk waits for this: if initialization fails, the module goes,
/// whoever uses it.
///
/// Dropping sleeps. It waits for each request of the disk that the driver has an owner or a
/// reference of, without end if there is one that nobody drops. So it must not be done by who holds
/// one, nor in a function of [`Operations`].
///
/// A disk that is leaked (`mem::forget`) stays until its module is unloaded, and is removed then,
/// with a warning. Its data stays in memory. The same becomes of one that is dropped only after the
/// module's own values were.
///
/// # Invariants
///
/// * `disk` was added to the system, and whoever has claimed it from `guard` removes it. Where
///   there are no modules, this value does.
/// * The queue data of its queue came from `T::QueueData::into_foreign`.
///
/// # Examples
///
/// Two disks that share their hardware queues and requests:
///
/// ```
/// use kernel::{
///     block::mq::{GenDisk, GenDiskBuilder, Operations, TagSet},
///     prelude::*,
///     sync::Arc, //
/// };
///
/// fn build<T: Operations<QueueData = ()>>(
///     tag_set: Arc<TagSet<T>>,
/// ) -> Result<(GenDisk<T>, GenDisk<T>)> {
///     Ok((
///         GenDiskBuilder::new().build(c"example0", tag_set.clone(), ())?,
///         GenDiskBuilder::new().build(c"example1", tag_set, ())?,
///     ))
/// }
/// ```
pub struct GenDisk<T: Operations> {
    disk: *mut bindings::gendisk,
    #[cfg(CONFIG_MODULES)]
    guard: Option<Pin<KBox<UnloadGuard>>>,
    // Dropped after `Drop::drop` has put the disk, as the queue points to it.
    _tag_set: Arc<TagSet<T>>,
    _major: Option<Arc<Major>>,
    // Invariant: a subtype of a driver is another driver, with other types of data.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A disk can be removed from any thread, and the queue data that this drops is `Send`.
unsafe impl<T: Operations> Send for GenDisk<T> {}

// SAFETY: There are no methods on `&GenDisk` that are not safe to call from several threads.
unsafe impl<T: Operations> Sync for GenDisk<T> {}

impl<T: Operations> GenDisk<T> {
    /// The C disk.
    #[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
    pub(super) fn as_raw(&self) -> *mut bindings::gendisk {
        self.disk
    }
}

impl<T: Operations> Drop for GenDisk<T> {
    fn drop(&mut self) {
        #[cfg(CONFIG_MODULES)]
        if self.guard.take().is_some_and(|guard| !guard.claim()) {
            // The module has been left already, and the disk with it.
            return;
        }

        // SAFETY: The disk was claimed, so that nobody else puts it, and it is valid. So is its
        // queue.
        let queue_data = unsafe { (*(*self.disk).queue).queuedata };

        // SAFETY: By the type invariant the disk was added, and as it was claimed, is removed only
        // here.
        unsafe { bindings::del_gendisk(self.disk) };

        // No function of the driver runs for this disk any more, nor will:
        //
        // - All requests are done: each holds a use count of the queue, and `del_gendisk()` waits
        //   for that to be zero (`blk_mq_freeze_queue_wait()`). The time-out handler holds one,
        //   too.
        // - A call of `queue_rq` that has ended its request may not have returned by then. It runs
        //   inside a read-side critical section, of RCU or, if the driver may sleep there, of the
        //   SRCU of the tag set. `blk_mq_quiesce_queue()` waits for the right one of the two, and
        //   `del_gendisk()` calls it with the queue frozen when it removes the I/O scheduler, also
        //   if there is none (`elevator_switch()`).
        // - `init_hctx` is called while the disk is set up, and by `TagSet::resize` for the disks
        //   in the list of the tag set. `del_gendisk()` takes the disk off that list, and so waits
        //   for such a call to be over.
        // - Completions and timers get the request, and nothing of the disk.

        #[cfg(CONFIG_MODULES)]
        // SAFETY: The module of `T` is there, as this is its code, and the disk is valid.
        unsafe {
            wait_for_last_close(this_module::<T::OwnerModule>().as_ptr(), self.disk)
        };

        // SAFETY: The reference that `build` has got with the disk is given up here. Somebody may
        // have the disk open; what is called for that is in C and in the module of `T`, which is
        // pinned by it: it stays until the last close, or that was waited for.
        unsafe { bindings::put_disk(self.disk) };

        // SAFETY: By the type invariant this came from `into_foreign`, and nobody uses it, see
        // above.
        drop(unsafe { T::QueueData::from_foreign(queue_data) });
    }
}
