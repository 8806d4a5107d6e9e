// SPDX-License-Identifier: GPL-2.0

//! Tag sets.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    operations::Operations,
    request::Pdu,
    vtable::VTable, //
};
use crate::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex,
        MutexGuard, //
    },
    types::Opaque, //
};
use core::marker::PhantomData;
use pin_init::PinInit;

/// How a [`TagSet`] is to be made.
///
/// # Examples
///
/// ```
/// use kernel::block::mq::TagSetBuilder;
///
/// let builder = TagSetBuilder::new()
///     .hw_queues(4)
///     .queue_depth(128)
///     .timeout_ms(5_000);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TagSetBuilder {
    hw_queues: u32,
    poll_queues: u32,
    queue_depth: u32,
    timeout_ms: u32,
    numa_node: i32,
    flags: u32,
}

impl Default for TagSetBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TagSetBuilder {
    /// The most hardware queues for polling that a tag set has.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::TagSetBuilder;
    ///
    /// /// As many as somebody asks for, if that is possible.
    /// fn polling(queues: u32) -> TagSetBuilder {
    ///     TagSetBuilder::new().poll_queues(queues.min(TagSetBuilder::MAX_POLL_QUEUES))
    /// }
    /// # let _ = polling(2000);
    /// ```
    pub const MAX_POLL_QUEUES: u32 = 1024;

    /// One hardware queue of 64 requests, the block layer's default time-out, and no preference for
    /// a memory node.
    pub const fn new() -> Self {
        Self {
            hw_queues: 1,
            poll_queues: 0,
            queue_depth: 64,
            timeout_ms: 0,
            numa_node: bindings::NUMA_NO_NODE,
            flags: 0,
        }
    }

    /// Sets the number of hardware queues. The block layer uses no more than there are CPUs.
    pub const fn hw_queues(mut self, count: u32) -> Self {
        self.hw_queues = count;
        self
    }

    /// Sets the number of further hardware queues, for I/O whose submitter polls for its end. They
    /// are numbered after the others. The driver must implement [`Operations::poll`].
    ///
    /// No more than [`MAX_POLL_QUEUES`](Self::MAX_POLL_QUEUES) are made. If there are more than
    /// CPUs, some are not used.
    pub const fn poll_queues(mut self, count: u32) -> Self {
        self.poll_queues = count;
        self
    }

    /// Sets the number of requests that each hardware queue can have in flight.
    ///
    /// The block layer lowers it to 10240, or to what it gets memory for.
    pub const fn queue_depth(mut self, depth: u32) -> Self {
        self.queue_depth = depth;
        self
    }

    /// Sets the time after which [`Operations::timeout`] is called, in milliseconds. Zero stands
    /// for the block layer's default of 30 seconds.
    pub const fn timeout_ms(mut self, timeout: u32) -> Self {
        self.timeout_ms = timeout;
        self
    }

    /// Makes disks start without an I/O scheduler. One can be chosen later.
    ///
    /// Otherwise a disk with one hardware queue starts with a scheduler.
    pub const fn no_scheduler_by_default(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_NO_SCHED_BY_DEFAULT;
        self
    }

    /// Allows [`Operations::queue_rq`], [`Operations::queue_rqs`] and [`Operations::commit_rqs`] to
    /// sleep (`BLK_MQ_F_BLOCKING`).
    ///
    /// They are called in process context then. It costs each call a read-side critical section of
    /// SRCU instead of RCU, and often a change to another thread.
    pub const fn blocking(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_BLOCKING;
        self
    }

    /// Makes all hardware queues share one set of tags (`BLK_MQ_F_TAG_HCTX_SHARED`): the queue
    /// depth is that of the device, and a tag is in flight on one hardware queue at a time.
    ///
    /// # Examples
    ///
    /// A device whose queues take their commands from one table, which is on its own memory node,
    /// and whose driver waits for the hardware:
    ///
    /// ```
    /// use kernel::{block::mq::TagSetBuilder, numa};
    ///
    /// let builder = TagSetBuilder::new()
    ///     .hw_queues(4)
    ///     .shared_tag_bitmap()
    ///     .numa_node(numa::NO_NODE)
    ///     .blocking()
    ///     .no_scheduler_by_default();
    /// # let _ = builder;
    /// ```
    pub const fn shared_tag_bitmap(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_TAG_HCTX_SHARED;
        self
    }

    /// Sets the memory node that requests are allocated on. It must be online.
    pub const fn numa_node(mut self, node: i32) -> Self {
        self.numa_node = node;
        self
    }
}

/// How many hardware queues there are, of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    submit: u32,
    poll: u32,
}

impl Layout {
    fn total(self) -> u32 {
        self.submit.saturating_add(self.poll)
    }

    /// How to use `total` hardware queues. The block layer asks with the number of `wanted` and, if
    /// it got no memory for so many, with that of `before`.
    ///
    /// Whatever it asks with, the result has so many queues in total, one for submission at least.
    fn choose(total: u32, wanted: Self, before: Self) -> Self {
        if total == wanted.total() {
            wanted
        } else if total == before.total() {
            before
        } else {
            Self {
                submit: total,
                poll: 0,
            }
        }
    }

    /// Both numbers in one word, for them to be read together.
    fn pack(self) -> u64 {
        u64::from(self.submit) << 32 | u64::from(self.poll)
    }

    fn unpack(word: u64) -> Self {
        Self {
            submit: (word >> 32) as u32,
            poll: word as u32,
        }
    }
}

/// The hardware queues of a device, and the requests that belong to them.
///
/// A tag set can be shared by several disks. It lives until the last of them is gone. Dropping the
/// last reference to it sleeps.
///
/// This wraps [`struct blk_mq_tag_set`](srctree/include/linux/blk-mq.h).
///
/// # Invariants
///
/// * `inner` was set up by `blk_mq_alloc_tag_set()` with the operations of `T` and room for a
///   `Pdu<T>` behind each request.
/// * `wanted` and `before` have one queue for submission at least, and change only under
///   `layout_lock`, outside the calls of the block layer that change the number of queues.
///
/// # Examples
///
/// ```
/// use kernel::{
///     block::mq::{Operations, TagSet, TagSetBuilder},
///     prelude::*,
///     sync::Arc, //
/// };
///
/// /// The tag set of a device that can do `depth` things at a time.
/// fn tag_set<T: Operations>(depth: u32) -> Result<Arc<TagSet<T>>> {
///     let tag_set = Arc::pin_init(
///         TagSet::new(TagSetBuilder::new().hw_queues(2).queue_depth(depth)),
///         GFP_KERNEL,
///     )?;
///     pr_info!("{} queues of {}\n", tag_set.hw_queues(), tag_set.queue_depth());
///     Ok(tag_set)
/// }
/// ```
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    /// The queues that are asked for, those there were before that, and those that there are: a
    /// [`Layout`] each.
    wanted: Atomic<u64>,
    before: Atomic<u64>,
    current: Atomic<u64>,
    /// Held while the queues change, and while a disk is set up with them. Taken before the locks
    /// of the block layer.
    #[pin]
    layout_lock: Mutex<()>,
    #[pin]
    inner: Opaque<bindings::blk_mq_tag_set>,
    // Invariant: a subtype of a driver is another driver, with other types of data.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A tag set is not bound to a thread, and holds `T::RequestData`, which is `Send`.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: The methods on `&TagSet` can be called from several threads at once.
unsafe impl<T: Operations> Sync for TagSet<T> {}

/// In one place for all drivers: lockdep wants the name of a class to be the same each time, and
/// the code below is made anew for each driver, in the driver's module.
static LAYOUT_LOCK_NAME: &CStr = c"TagSet::layout_lock";

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no hardware queue or no request, if there are queues for polling and
    /// the driver does not implement it, or if the memory node is not online; `ENOMEM` if there is
    /// not enough memory, or the data of requests could not be initialized, for a single request
    /// for each hardware queue. If there is for fewer requests than asked for, there are fewer.
    pub fn new(builder: TagSetBuilder) -> impl PinInit<Self, Error> {
        let cpus = crate::cpu::nr_cpu_ids();
        let layout = Layout {
            submit: builder.hw_queues.min(cpus),
            poll: builder.poll_queues.min(TagSetBuilder::MAX_POLL_QUEUES),
        };
        // Memory allocators take a node's number as it is, and use it as an index.
        let node = builder.numa_node;
        // SAFETY: This may be asked about any number.
        let online = unsafe { bindings::node_can_be_asked(node) };
        let node_is_valid = online || node == bindings::NUMA_NO_NODE;

        try_pin_init!(Self {
            _: {
                Self::check(layout)?;
                if !node_is_valid {
                    pr_warn!("block: memory node {} is not online\n", node);
                    return Err(EINVAL);
                }
            },
            // INVARIANT: There is a queue for submission, as was checked.
            wanted: Atomic::new(layout.pack()),
            before: Atomic::new(layout.pack()),
            current: Atomic::new(layout.pack()),
            layout_lock <- Mutex::new((), LAYOUT_LOCK_NAME, static_lock_class!()),
            // INVARIANT: The call below sets the tag set up with these operations and this size.
            inner <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                let value = bindings::blk_mq_tag_set {
                    ops: VTable::<T>::get(),
                    cmd_size: Pdu::<T>::SIZE,
                    // Not by `layout`: queues for polling can come later.
                    nr_maps: if T::HAS_POLL {
                        bindings::hctx_type_HCTX_MAX_TYPES
                    } else {
                        1
                    },
                    nr_hw_queues: layout.total(),
                    queue_depth: builder.queue_depth,
                    timeout: crate::time::msecs_to_jiffies(builder.timeout_ms)
                        .try_into()
                        .unwrap_or(u32::MAX),
                    numa_node: node,
                    flags: builder.flags,
                    ..pin_init::zeroed()
                };
                // SAFETY: `set` is valid for writes.
                unsafe { set.write(value) };
                // SAFETY: `set` is zeroed but for the fields that a driver has to set, and is not
                // moved from here on. On an error C leaves nothing allocated.
                to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
            }),
            _p: PhantomData,
        })
    }

    /// Whether the driver can have these queues.
    fn check(layout: Layout) -> Result {
        if layout.submit == 0 || (layout.poll > 0 && !T::HAS_POLL) {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Changes the number of hardware queues: `hw_queues` and, for polling, `poll_queues`.
    ///
    /// The disks on the tag set are there all the time. Their I/O waits: this sleeps until all
    /// requests of all of them have ended and nobody has a reference to one, without end if there
    /// is one that nobody drops. So it must not be called by who holds one, nor in a function of
    /// [`Operations`]. Calls from several threads are made one after the other, and so is the
    /// making of disks.
    ///
    /// This is `blk_mq_update_nr_hw_queues()`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no hardware queue, if there are more than CPUs (`nr_cpu_ids`) or more
    /// for polling than [`TagSetBuilder::MAX_POLL_QUEUES`], or if there are queues for polling and
    /// the driver does not implement it. `ENOMEM` if there is not enough memory or
    /// [`Operations::init_hctx`] failed; then all is as it was before. A hardware queue for whose
    /// requests there is not enough memory may not be used, and the CPUs use another one; that is
    /// no error. Nor is it if one that there was before would have to go to another memory node,
    /// for its CPUs have changed, and can't be set up there: it stays where it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::{Operations, TagSet};
    ///
    /// fn one_queue_more<T: Operations>(tag_set: &TagSet<T>) -> Result {
    ///     tag_set.resize(tag_set.submit_queues() + 1, tag_set.poll_queues())
    /// }
    /// ```
    pub fn resize(&self, hw_queues: u32, poll_queues: u32) -> Result {
        let wanted = Layout {
            submit: hw_queues,
            poll: poll_queues,
        };
        let cpus = crate::cpu::nr_cpu_ids();
        if hw_queues > cpus || poll_queues > TagSetBuilder::MAX_POLL_QUEUES {
            return Err(EINVAL);
        }
        Self::check(wanted)?;

        let _layout = self.lock_layout();
        let before = self.layout();
        if wanted == before {
            return Ok(());
        }
        // INVARIANT: The lock is held, and there is a queue for submission.
        self.before.store(before.pack(), Relaxed);
        self.wanted.store(wanted.pack(), Relaxed);
        // SAFETY: By the type invariant the tag set is set up. The number, that of the CPUs and of
        // `MAX_POLL_QUEUES` together at most, is an `int` and not zero.
        unsafe { bindings::blk_mq_update_nr_hw_queues(self.as_raw(), wanted.total() as c_int) };
        // The block layer tells what has become of it by how it has asked `map_queues`, if it has.
        if self.layout() == wanted {
            Ok(())
        } else {
            Err(ENOMEM)
        }
    }

    /// Keeps the hardware queues from changing.
    pub(super) fn lock_layout(&self) -> MutexGuard<'_, ()> {
        self.layout_lock.lock()
    }

    fn layout(&self) -> Layout {
        Layout::unpack(self.current.load(Relaxed))
    }

    /// Distributes the CPUs over the hardware queues.
    ///
    /// # Safety
    ///
    /// `set` must be the C tag set of a `TagSet<T>` whose other fields are initialized, and the
    /// block layer must be asking for it to be done.
    pub(super) unsafe fn map_queues(set: *mut bindings::blk_mq_tag_set) {
        // SAFETY: By the requirements of this function `set` lies in a `TagSet<T>`. That may be not
        // fully initialized, so that there is no reference to it here.
        let this = unsafe { container_of!(Opaque::cast_from(set), Self, inner) };
        // SAFETY: These fields are initialized before the block layer gets to see the tag set.
        let (wanted, before, current) =
            unsafe { (&(*this).wanted, &(*this).before, &(*this).current) };

        // SAFETY: `set` is valid, and nobody else changes it while the block layer asks for this.
        let (total, maps) = unsafe { ((*set).nr_hw_queues, (*set).nr_maps) };
        let layout = Layout::choose(
            total,
            Layout::unpack(wanted.load(Relaxed)),
            Layout::unpack(before.load(Relaxed)),
        );
        current.store(layout.pack(), Relaxed);

        // SAFETY: As above, `set` is valid. There is no reference to the maps, as `io_poll` in
        // sysfs may read how many queues there are for polling.
        let first = unsafe { &raw mut (*set).map }.cast::<bindings::blk_mq_queue_map>();
        let counts = [layout.submit, 0, layout.poll];
        let mut offset = 0;
        for (index, count) in counts.into_iter().take(maps as usize).enumerate() {
            // SAFETY: The array has a map for each kind of queues, of which these are the first.
            let map = unsafe { first.add(index) };
            // SAFETY: `map` is valid, and nobody else writes to it. C reads the number of queues as
            // it writes it elsewhere, without a lock, and does no more than show it.
            unsafe {
                (*map).nr_queues = count;
                (*map).queue_offset = offset;
            }
            offset += count;
            if count > 0 {
                // SAFETY: `map` is a map of a tag set that is being set up, with room for all CPUs.
                // It is filled with numbers from its offset on, and less than its count above that,
                // so that all are numbers of queues that there are.
                unsafe { bindings::blk_mq_map_queues(map) };
            }
        }
    }

    /// The number of hardware queues that there are, those for polling included.
    pub fn hw_queues(&self) -> u32 {
        self.layout().total()
    }

    /// The number of hardware queues that are not for polling.
    pub fn submit_queues(&self) -> u32 {
        self.layout().submit
    }

    /// The number of hardware queues for polling.
    pub fn poll_queues(&self) -> u32 {
        self.layout().poll
    }

    /// The number of requests that each hardware queue has.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant `inner` is initialized.
        unsafe { (*self.as_raw()).queue_depth }
    }

    /// The C tag set.
    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.inner.get()
    }
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for TagSet<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant `inner` is set up. No disk uses it: each has a reference to
        // the tag set, which it drops when it is gone. So no request is in use either.
        unsafe { bindings::blk_mq_free_tag_set(self.as_raw()) };
    }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
#[macros::kunit_tests(rust_block_mq_layout)]
mod tests {
    use super::Layout;

    #[test]
    fn fallback_is_what_was_before() {
        let layout = |submit, poll| Layout { submit, poll };
        let rows = [
            // What the block layer asks with, and what is wanted, was before and comes out.
            (5, layout(4, 1), layout(1, 1), layout(4, 1)),
            (2, layout(4, 1), layout(1, 1), layout(1, 1)),
            (3, layout(1, 2), layout(2, 1), layout(1, 2)),
            (1, layout(4, 1), layout(1, 1), layout(1, 0)),
            (9, layout(4, 1), layout(1, 1), layout(9, 0)),
        ];
        for (total, wanted, before, chosen) in rows {
            assert_eq!(Layout::choose(total, wanted, before), chosen);
            assert_eq!(chosen.total(), total);
            assert_eq!(Layout::unpack(chosen.pack()), chosen);
        }
    }
}
