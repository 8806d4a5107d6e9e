// SPDX-License-Identifier: GPL-2.0

//! Disks.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

mod atomic_writes;
mod builder;

pub use self::{
    atomic_writes::AtomicWriteLimits,
    builder::GenDiskBuilder, //
};

#[cfg(CONFIG_MODULES)]
use super::unload::{
    wait_for_last_close,
    UnloadGuard, //
};
use super::{
    operations::Operations,
    tag_set::TagSet, //
};
#[cfg(CONFIG_MODULES)]
use crate::module::this_module;
use crate::{
    bindings,
    block::Major,
    prelude::*,
    sync::Arc,
    types::ForeignOwnable, //
};
use core::marker::PhantomData;

/// A disk that is registered with the block layer: `struct gendisk`.
///
/// Dropping it removes the disk: the block layer accepts no new I/O and waits for I/O in flight,
/// then the queue data is dropped. If the disk is open, its file descriptors fail from then on, and
/// the module that implements `T` stays loaded until the last of them is closed. A module that
/// fails to initialize is freed even if its disks are open. So, while the module is being
/// initialized, dropping a disk waits for the last close.
///
/// Dropping sleeps. It waits for each request of the disk that has an owner or a reference. So
/// whatever ends requests (a timer, an interrupt, a thread) must outlive the disk, and the disk
/// must not be dropped by a thread that holds an owner or a reference, nor in a function of
/// [`Operations`].
///
/// A leaked disk (`mem::forget`) is removed, with a warning, when its module is unloaded. Its data
/// stays in memory. The same happens to a disk that is dropped after the module's own values.
///
/// # Invariants
///
/// * `disk` was added to the system. It is removed by the side that claims it from `guard`; in a
///   kernel without modules, by this value.
/// * The queue data of its queue came from `T::QueueData::into_foreign`.
pub struct GenDisk<T: Operations> {
    disk: *mut bindings::gendisk,
    #[cfg(CONFIG_MODULES)]
    guard: Option<Pin<KBox<UnloadGuard>>>,
    // Dropped after `Drop::drop` has put the disk, as the queue points to the tag set.
    tag_set: Arc<TagSet<T>>,
    _major: Option<Arc<Major>>,
    // Invariant in `T`, as in `Request`.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A disk can be removed from any thread, and the queue data that this drops is `Send`.
unsafe impl<T: Operations> Send for GenDisk<T> {}

// SAFETY: `&GenDisk` gives access to the tag set, which is `Sync`, and to nothing that changes.
unsafe impl<T: Operations> Sync for GenDisk<T> {}

impl<T: Operations> GenDisk<T> {
    /// Returns the tag set of the disk.
    pub fn tag_set(&self) -> &TagSet<T> {
        &self.tag_set
    }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
impl<T: Operations> GenDisk<T> {
    /// Returns the C disk.
    pub(super) fn as_raw(&self) -> *mut bindings::gendisk {
        self.disk
    }
}

impl<T: Operations> Drop for GenDisk<T> {
    fn drop(&mut self) {
        #[cfg(CONFIG_MODULES)]
        if self.guard.take().is_some_and(|guard| !guard.claim()) {
            // The guard has removed the disk when the module was unloaded.
            return;
        }

        // SAFETY: The disk was claimed, so nothing else puts it, and it is valid. So is its queue.
        let queue_data = unsafe { (*(*self.disk).queue).queuedata };

        // SAFETY: By the type invariant the disk was added, and as it was claimed, is removed only
        // here.
        unsafe { bindings::del_gendisk(self.disk) };

        // No function of the driver runs for this disk any more, and none will:
        //
        // - All requests have ended and have no references. Until then each holds a use count of
        //   the queue (for a flush, the requests that wait for its end hold one), and
        //   `del_gendisk()` waits until there is none (`blk_mq_freeze_queue_wait()`). The timeout
        //   handler and polling hold one, too. So nothing uses what `Request::queue_data` returned.
        // - A call of `queue_rq`, `queue_rqs` or `commit_rqs` whose requests have ended may not
        //   have returned. It runs inside a read-side critical section, of RCU or, if the tag set
        //   is `blocking`, of the tag set's SRCU. `del_gendisk()` waits for all sections of that
        //   kind, with the queue frozen: `blk_mq_quiesce_queue()` is called when the I/O scheduler
        //   is removed, also if there is none (`elevator_switch()`).
        //   This holds if no thread sleeps in a section of RCU, which all Rust code in the kernel
        //   assumes. The documentation of `mq` says so under "What is not promised".
        // - `init_hctx` is called while the disk is set up, and by `TagSet::update_nr_hw_queues`
        //   for the disks in the list of the tag set. `del_gendisk()` takes the disk off that list,
        //   and so waits until such a call has returned.
        // - `report_zones` is called with a use count of the queue held.
        // - Completions and timers get requests, and no other part of the disk.

        #[cfg(CONFIG_MODULES)]
        // SAFETY: The module of `T` is there, as this is its code, and the disk is valid.
        unsafe {
            wait_for_last_close(this_module::<T::OwnerModule>().as_ptr(), self.disk)
        };

        // SAFETY: This gives up the reference that came with the disk. The disk may be open. The
        // functions called for that are in C and in the module of `T`, which stays until the last
        // close, unless the last close was waited for.
        unsafe { bindings::put_disk(self.disk) };

        // SAFETY: By the type invariant this came from `into_foreign`. Nothing uses it any more, as
        // shown above.
        drop(unsafe { T::QueueData::from_foreign(queue_data) });
    }
}
