// SPDX-License-Identifier: GPL-2.0

//! Tag sets.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    operations::Operations,
    request::{
        Pdu,
        Request, //
    },
    vtable::VTable, //
};
use crate::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    sync::aref::ARef,
    types::Opaque, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
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

    /// Sets the number of further hardware queues, for I/O whose submitter polls for its end. They are
    /// numbered after the others. The driver must implement [`Operations::poll`].
    ///
    /// Not more are made than there are CPUs.
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

    /// Sets the time after which [`Operations::timeout`] is called, in milliseconds. Zero stands for
    /// the block layer's default of 30 seconds.
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

    /// Sets the memory node that requests are allocated on.
    pub const fn numa_node(mut self, node: i32) -> Self {
        self.numa_node = node;
        self
    }
}

/// The hardware queues of a device, and the requests that belong to them.
///
/// A tag set can be shared by several disks. It lives until the last of them is gone. Dropping the last
/// reference to it sleeps.
///
/// This wraps [`struct blk_mq_tag_set`](srctree/include/linux/blk-mq.h).
///
/// # Invariants
///
/// * `inner` was set up by `blk_mq_alloc_tag_set()` with the operations of `T` and room for a
///   `Pdu<T>` behind each request.
/// * It has `poll_queues` hardware queues more than it has others, of which there is at least one.
///
/// # Examples
///
/// See the [module documentation](super).
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    poll_queues: u32,
    #[pin]
    inner: Opaque<bindings::blk_mq_tag_set>,
    // Invariant: a subtype of a driver is another driver, with other types of data.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A tag set is not bound to a thread, and holds `T::RequestData`, which is `Send`.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: The methods on `&TagSet` can be called from several threads at once.
unsafe impl<T: Operations> Sync for TagSet<T> {}

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no hardware queue or no request, or if there are queues for polling and the
    /// driver does not implement it; `ENOMEM` if there is not enough memory or the data of a request
    /// could not be initialized.
    pub fn new(builder: TagSetBuilder) -> impl PinInit<Self, Error> {
        let cpus = crate::cpu::nr_cpu_ids();
        let hw_queues = builder.hw_queues.min(cpus);
        let polled = builder.poll_queues.min(cpus);

        try_pin_init!(Self {
            _: {
                if hw_queues == 0 || (polled > 0 && !T::HAS_POLL) {
                    return Err(EINVAL);
                }
            },
            // INVARIANT: `map_queues` reads this during the call below, and distributes the queues
            // accordingly.
            poll_queues: polled,
            // INVARIANT: The call below sets the tag set up with these operations and this size.
            inner <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                let value = bindings::blk_mq_tag_set {
                    ops: VTable::<T>::get(),
                    cmd_size: Pdu::<T>::SIZE,
                    nr_maps: if polled > 0 {
                        bindings::hctx_type_HCTX_MAX_TYPES
                    } else {
                        1
                    },
                    nr_hw_queues: hw_queues + polled,
                    queue_depth: builder.queue_depth,
                    timeout: crate::time::msecs_to_jiffies(builder.timeout_ms)
                        .try_into()
                        .unwrap_or(u32::MAX),
                    numa_node: builder.numa_node,
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

    /// Distributes the CPUs over the hardware queues.
    ///
    /// # Safety
    ///
    /// `set` must be the C tag set of a `TagSet<T>` whose other fields are initialized, and the block
    /// layer must be asking for it to be done.
    pub(super) unsafe fn map_queues(set: *mut bindings::blk_mq_tag_set) {
        // SAFETY: By the requirements of this function `set` lies in a `TagSet<T>`. That may be not
        // fully initialized, so that there is no reference to it here.
        let this = unsafe { container_of!(Opaque::cast_from(set), Self, inner) };
        // SAFETY: This field is initialized before the block layer gets to see the tag set.
        let poll_queues = unsafe { (*this).poll_queues };
        // SAFETY: `set` is valid, and nobody else uses it while the block layer asks for this.
        let set = unsafe { &mut *set };

        let default_queues = set.nr_hw_queues - poll_queues;
        let counts = [default_queues, 0, poll_queues];
        let mut offset = 0;
        for (map, count) in set.map.iter_mut().zip(counts).take(set.nr_maps as usize) {
            map.nr_queues = count;
            map.queue_offset = offset;
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
        // SAFETY: By the type invariant `inner` is initialized.
        unsafe { (*self.as_raw()).nr_hw_queues }
    }

    /// The number of requests that each hardware queue has.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant `inner` is initialized.
        unsafe { (*self.as_raw()).queue_depth }
    }

    /// Finds the request that was started with `tag` on the hardware queue `hw_queue`.
    ///
    /// Any numbers may be asked for, as a device might make up any. The result is a reference to a
    /// request of this tag set that has the tag and was started, or [`None`]:
    ///
    /// * There is no such hardware queue or tag, or no request was ever started with it.
    /// * The request that had it was freed, and the tag is free, or given to one which is not
    ///   started yet.
    ///
    /// What the reference leads to may have been ended or requeued at the same moment, and what was
    /// found may not be what the device had in mind. So this does not give the right to end the
    /// request; a driver that has parked the owner gets it by [`Request::claim`].
    ///
    /// May be called from process, softirq and hardirq context. It does not wait for anything, and
    /// may be called while I/O schedulers are switched, queues are frozen and disks come and go.
    ///
    /// # Examples
    ///
    /// An interrupt handler that was told of a completion:
    ///
    /// ```
    /// use kernel::block::mq::{Operations, TagSet};
    ///
    /// fn completed<T: Operations>(tag_set: &TagSet<T>, hw_queue: u32, tag: u32) {
    ///     match tag_set.tag_to_rq(hw_queue, tag).and_then(|rq| rq.claim()) {
    ///         Some(rq) => rq.end_ok(),
    ///         None => pr_warn!("the device reports a tag that is not in use\n"),
    ///     }
    /// }
    /// ```
    pub fn tag_to_rq(&self, hw_queue: u32, tag: u32) -> Option<ARef<Request<T>>> {
        // SAFETY: By the type invariant the tag set is set up, and so it is for the time of the call.
        let rq = unsafe { bindings::blk_mq_find_request(self.as_raw(), hw_queue, tag) };
        // SAFETY: A request that is found is one of this tag set, and so was set up with a `Pdu<T>`.
        // The function has taken a count for it, which passes to the result.
        NonNull::new(rq).map(|rq| unsafe { ARef::from_raw(rq.cast()) })
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
