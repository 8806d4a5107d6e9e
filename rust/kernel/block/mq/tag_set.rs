// SPDX-License-Identifier: GPL-2.0

//! Tag sets.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

mod builder;
mod lookup;

pub use self::builder::TagSetBuilder;

use super::{
    operations::Operations,
    request::Pdu,
    vtable::VTable, //
};
use crate::{
    bindings,
    container_of,
    error::to_result,
    numa,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    types::Opaque, //
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};
use pin_init::PinInit;

/// How many hardware queues there are, of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Queues {
    submit: u32,
    poll: u32,
}

impl Queues {
    fn total(self) -> u32 {
        self.submit.saturating_add(self.poll)
    }

    /// Whether a driver can have these queues.
    fn check(self, has_poll: bool) -> Result {
        if self.submit == 0 || (self.poll > 0 && !has_poll) {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Both numbers in one word, to be read together.
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

/// A change of the hardware queues.
#[derive(Clone, Copy)]
struct Change {
    wanted: Queues,
    before: Queues,
}

impl Change {
    /// How to use `total` hardware queues. The block layer asks with the number of `wanted` and, if
    /// it got no memory for so many, with that of `before`.
    ///
    /// Whatever it asks with, the result has so many queues in total, one for submission at least.
    fn choose(self, total: u32) -> Queues {
        if total == self.wanted.total() {
            self.wanted
        } else if total == self.before.total() {
            self.before
        } else {
            Queues {
                submit: total,
                poll: 0,
            }
        }
    }
}

/// The hardware queues of a device, and the requests that belong to them.
///
/// Several disks can share a tag set. It lives until the last of them is gone. Dropping the last
/// reference to it sleeps.
///
/// This wraps [`struct blk_mq_tag_set`](srctree/include/linux/blk-mq.h).
///
/// # Invariants
///
/// * `inner` was set up by `blk_mq_alloc_tag_set()` with the operations of `T` and room for a
///   `Pdu<T>` behind each request.
/// * `change` has one queue for submission at least. It is written under `queues_lock`, and read
///   only in calls of the block layer that set up the queues, which are made under that lock, too,
///   or before the tag set exists.
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    /// The [`Queues`] that there are.
    queues: Atomic<u64>,
    change: UnsafeCell<Change>,
    /// Held while the queues change, and while a disk is set up with them. Taken before the locks
    /// of the block layer.
    #[pin]
    queues_lock: Mutex<()>,
    #[pin]
    inner: Opaque<bindings::blk_mq_tag_set>,
    // Invariant in `T`, as in `Request`.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A tag set is not bound to a thread, and holds `T::RequestData`, which is `Send`.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: The methods on `&TagSet` can be called from several threads at once; `change` has a lock.
unsafe impl<T: Operations> Sync for TagSet<T> {}

/// In one place for all drivers: lockdep wants the name of a class to be the same each time, and
/// the code below is made anew for each driver, in the driver's module.
static QUEUES_LOCK_NAME: &CStr = c"TagSet::queues_lock";

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no hardware queue or no request, if there are queues for polling and
    /// the driver does not implement it, or if the NUMA node is not online; `ENOMEM` if there is
    /// not enough memory for a single request for each hardware queue. If there is memory for fewer
    /// requests than asked for, there are fewer.
    pub fn new(builder: TagSetBuilder) -> impl PinInit<Self, Error> {
        let initial = builder.queues();

        try_pin_init!(Self {
            queues: Atomic::new(initial.pack()),
            // INVARIANT: There is a queue for submission, as `alloc` checks.
            change: UnsafeCell::new(Change { wanted: initial, before: initial }),
            queues_lock <- Mutex::new((), QUEUES_LOCK_NAME, static_lock_class!()),
            // INVARIANT: The call below sets the tag set up with these operations and this size.
            inner <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                let ops = VTable::<T>::get();
                // SAFETY: `set` is valid for writes, and is not moved from here on.
                unsafe { builder.alloc(set, initial, ops, Pdu::<T>::SIZE) }
            }),
            _p: PhantomData,
        })
    }

    /// Changes the number of hardware queues: `submit_queues` and, for polling, `poll_queues`.
    ///
    /// The disks on the tag set stay. Their I/O is held up: this sleeps until all their requests
    /// have ended and the last reference to them is dropped. So it must not be called with an owner
    /// or a reference at hand, nor in a function of [`Operations`]. Calls from several threads are
    /// made one after the other, and so is the making of disks.
    ///
    /// A function of [`Operations`] that has ended all its requests may still be running
    /// afterwards, and [`Operations::commit_rqs`] may be called late, with the number of a hardware
    /// queue that is gone.
    ///
    /// This is `blk_mq_update_nr_hw_queues()`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no submission queue, if there are more of them than CPUs
    /// (`nr_cpu_ids`) or more for polling than [`TagSetBuilder::MAX_POLL_QUEUES`], or if there are
    /// queues for polling and the driver does not implement it. `ENOMEM` if there is not enough
    /// memory or [`Operations::init_hctx`] failed; then all is as it was before. It is no error if
    /// a hardware queue gets no memory for its requests, and its CPUs use another one; or if one
    /// can't be set up on another NUMA node that it should move to, and stays where it is.
    pub fn update_nr_hw_queues(&self, submit_queues: u32, poll_queues: u32) -> Result {
        let wanted = Queues {
            submit: submit_queues,
            poll: poll_queues,
        };
        let cpus = crate::cpu::nr_cpu_ids();
        if submit_queues > cpus || poll_queues > TagSetBuilder::MAX_POLL_QUEUES {
            return Err(EINVAL);
        }
        wanted.check(T::HAS_POLL)?;

        let _lock = self.queues_lock.lock();
        let before = self.queues();
        if wanted == before {
            return Ok(());
        }
        // INVARIANT: There is a queue for submission.
        // SAFETY: The lock is held, and the block layer is not called yet.
        unsafe { *self.change.get() = Change { wanted, before } };
        // SAFETY: By the type invariant the tag set is set up. The number, that of the CPUs and of
        // `MAX_POLL_QUEUES` together at most, is an `int` and not zero.
        unsafe { bindings::blk_mq_update_nr_hw_queues(self.as_raw(), wanted.total() as c_int) };
        // `map_queues` has stored the numbers that the block layer has settled on.
        if self.queues() == wanted {
            Ok(())
        } else {
            Err(ENOMEM)
        }
    }

    /// The lock that keeps the hardware queues from changing.
    pub(super) fn queues_lock(&self) -> &Mutex<()> {
        &self.queues_lock
    }

    fn queues(&self) -> Queues {
        Queues::unpack(self.queues.load(Relaxed))
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
        // SAFETY: The field is initialized. By the type invariant it is not written now.
        let change = unsafe { *(*this).change.get() };
        // SAFETY: `set` is valid, and nothing else changes it while the block layer asks for this.
        let (total, maps) = unsafe { ((*set).nr_hw_queues, (*set).nr_maps) };
        let queues = change.choose(total);
        // SAFETY: The field is initialized.
        unsafe { &(*this).queues }.store(queues.pack(), Relaxed);

        // SAFETY: As above, `set` is valid. There is no reference to the maps, as `io_poll` in
        // sysfs may read how many queues there are for polling.
        let first = unsafe { &raw mut (*set).map }.cast::<bindings::blk_mq_queue_map>();
        let counts = [queues.submit, 0, queues.poll];
        let mut offset = 0;
        for (index, count) in counts.into_iter().take(maps as usize).enumerate() {
            // SAFETY: The array has a map for each kind of queues, of which these are the first.
            let map = unsafe { first.add(index) };
            // SAFETY: `map` is valid, and nothing else writes to it. C reads the number of queues
            // as it writes it elsewhere, without a lock, and does no more than show it.
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
    pub fn nr_hw_queues(&self) -> u32 {
        self.queues().total()
    }

    /// The number of hardware queues that are not for polling.
    pub fn submit_queues(&self) -> u32 {
        self.queues().submit
    }

    /// The number of hardware queues for polling.
    pub fn poll_queues(&self) -> u32 {
        self.queues().poll
    }

    /// The number of requests that each hardware queue has. All tags are below it.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant `inner` is initialized.
        unsafe { (*self.as_raw()).queue_depth }
    }

    /// The C tag set.
    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.inner.get()
    }
}

// Not generic, so that these are in the kernel once, and not in each module for each driver.
impl TagSetBuilder {
    /// The hardware queues that there are to be at first.
    #[inline(never)]
    fn queues(&self) -> Queues {
        Queues {
            submit: self.submit_queues.min(crate::cpu::nr_cpu_ids()),
            poll: self.poll_queues.min(Self::MAX_POLL_QUEUES),
        }
    }

    /// Sets up a C tag set.
    ///
    /// # Safety
    ///
    /// `set` must be valid for writes, and must not be moved from here on.
    #[inline(never)]
    unsafe fn alloc(
        &self,
        set: *mut bindings::blk_mq_tag_set,
        queues: Queues,
        ops: &'static bindings::blk_mq_ops,
        cmd_size: u32,
    ) -> Result {
        queues.check(ops.poll.is_some())?;
        // Memory allocators take a node's number as it is, and use it as an index.
        let node = self.numa_node;
        if node != numa::NO_NODE && !numa::is_online(node) {
            pr_warn!("block: NUMA node {} is not online\n", node);
            return Err(EINVAL);
        }
        let value = bindings::blk_mq_tag_set {
            ops,
            cmd_size,
            // Not by `queues`: those for polling can come later.
            nr_maps: if ops.poll.is_some() {
                bindings::hctx_type_HCTX_MAX_TYPES
            } else {
                1
            },
            nr_hw_queues: queues.total(),
            queue_depth: self.queue_depth,
            timeout: crate::time::msecs_to_jiffies(self.timeout_ms)
                .try_into()
                .unwrap_or(u32::MAX),
            numa_node: node,
            flags: self.flags,
            ..pin_init::zeroed()
        };
        // SAFETY: `set` is valid for writes by the requirements of this function.
        unsafe { set.write(value) };
        // SAFETY: `set` is zeroed but for the fields that a driver has to set, and is not moved
        // from here on. On an error C leaves nothing allocated.
        to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
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
#[macros::kunit_tests(rust_block_mq_queues)]
mod tests {
    use super::{
        Change,
        Queues, //
    };

    #[test]
    fn fallback_is_what_was_before() {
        let queues = |submit, poll| Queues { submit, poll };
        let rows = [
            // (total asked for, wanted, before, chosen)
            (5, queues(4, 1), queues(1, 1), queues(4, 1)),
            (2, queues(4, 1), queues(1, 1), queues(1, 1)),
            (3, queues(1, 2), queues(2, 1), queues(1, 2)),
            (1, queues(4, 1), queues(1, 1), queues(1, 0)),
            (9, queues(4, 1), queues(1, 1), queues(9, 0)),
        ];
        for (total, wanted, before, chosen) in rows {
            assert_eq!(Change { wanted, before }.choose(total), chosen);
            assert_eq!(chosen.total(), total);
            assert_eq!(Queues::unpack(chosen.pack()), chosen);
        }
    }
}
