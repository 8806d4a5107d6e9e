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

/// The numbers of hardware queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Queues {
    submit: u32,
    poll: u32,
}

impl Queues {
    fn total(self) -> u32 {
        self.submit.saturating_add(self.poll)
    }

    /// Checks that a driver supports these queues.
    fn check(self, has_poll: bool) -> Result {
        if self.submit == 0 || (self.poll > 0 && !has_poll) {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Packs both numbers into a word, so that they are read together.
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
    /// Returns the numbers to use if the block layer asks for `total` hardware queues. It asks for
    /// the total of `wanted` and, if memory does not suffice, for that of `before`.
    ///
    /// The result has the total `total` and, unless that is zero, at least one queue for
    /// submission.
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

/// The hardware queues of a device, and their requests.
///
/// Several disks can share a tag set. It exists until the last of them is gone. Dropping the last
/// reference sleeps.
///
/// This wraps [`struct blk_mq_tag_set`](srctree/include/linux/blk-mq.h).
///
/// # Invariants
///
/// * `inner` was set up by `blk_mq_alloc_tag_set()` with the operations of `T` and room for a
///   `Pdu<T>` behind each request.
/// * `change` has at least one queue for submission. It is written under `queues_lock`. It is read
///   only when the block layer calls to set up the queues: under that lock, too, or before the tag
///   set exists.
#[pin_data(PinnedDrop)]
pub struct TagSet<T: Operations> {
    /// The current [`Queues`].
    queues: Atomic<u64>,
    change: UnsafeCell<Change>,
    /// Held while the number of queues changes, and while a disk is set up with them. Taken before
    /// the locks of the block layer.
    #[pin]
    queues_lock: Mutex<()>,
    #[pin]
    inner: Opaque<bindings::blk_mq_tag_set>,
    // Invariant in `T`, as in `Request`.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A tag set is not bound to a thread, and holds `T::RequestData`, which is `Send`.
unsafe impl<T: Operations> Send for TagSet<T> {}

// SAFETY: The methods on `&TagSet` can be called from several threads at once; a lock protects
// `change`.
unsafe impl<T: Operations> Sync for TagSet<T> {}

/// One name for all drivers. Lockdep requires that a lock class always has the same name, and a
/// literal in the generic code below would be another one in each driver's module.
static QUEUES_LOCK_NAME: &CStr = c"TagSet::queues_lock";

impl<T: Operations> TagSet<T> {
    /// Returns an initializer for a tag set. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no hardware queue or no request, if there are polled queues and the
    /// driver does not implement polling, or if the NUMA node is not online. `ENOMEM` if there is
    /// not enough memory for one request for each hardware queue. With less memory than needed for
    /// all requests, the tag set has fewer requests.
    pub fn new(builder: TagSetBuilder) -> impl PinInit<Self, Error> {
        let initial = builder.queues();

        try_pin_init!(Self {
            queues: Atomic::new(initial.pack()),
            // INVARIANT: There is a queue for submission. Otherwise `alloc` fails, and there is no
            // tag set.
            change: UnsafeCell::new(Change { wanted: initial, before: initial }),
            queues_lock <- Mutex::new((), QUEUES_LOCK_NAME, static_lock_class!()),
            // INVARIANT: The call below sets up the tag set with these operations and this size.
            inner <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                let ops = VTable::<T>::get();
                // SAFETY: `set` is valid for writes and lies in a pinned `TagSet<T>`, whose other
                // fields are initialized in the lines above. If this succeeds, `drop` frees the tag
                // set. The table and the size are those of `T`.
                unsafe { builder.alloc(set, initial, ops, Pdu::<T>::SIZE) }
            }),
            _p: PhantomData,
        })
    }

    /// Changes the number of hardware queues to `submit_queues`, and `poll_queues` polled ones.
    ///
    /// The disks of the tag set stay. This sleeps until all their requests have ended and the last
    /// references to them are dropped, and holds up I/O meanwhile. So it must not be called by a
    /// thread that holds an owner or a reference, nor in a function of [`Operations`]. Concurrent
    /// calls, and the making of disks, wait for each other.
    ///
    /// A function of [`Operations`] that has ended all its requests may still be running when this
    /// returns. [`Operations::commit_rqs`] may be called late, with the number of a hardware queue
    /// that is gone.
    ///
    /// This is `blk_mq_update_nr_hw_queues()`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `submit_queues` is zero or exceeds the number of CPUs (`nr_cpu_ids`), if
    /// `poll_queues` exceeds [`TagSetBuilder::MAX_POLL_QUEUES`], or if it is not zero and the
    /// driver does not implement polling. `ENOMEM` if there is not enough memory or
    /// [`Operations::init_hctx`] failed; the number is unchanged then. Two failures are not
    /// reported: a hardware queue that gets no memory for its requests leaves its CPUs to another
    /// one, and one that can't be moved to another NUMA node stays where it is.
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
        // SAFETY: The lock is held, and the block layer has not been called yet.
        unsafe { *self.change.get() = Change { wanted, before } };
        // SAFETY: By the type invariant the tag set is set up. The number is at most the number
        // of CPUs plus `MAX_POLL_QUEUES`, so it is an `int`. It is not zero.
        unsafe { bindings::blk_mq_update_nr_hw_queues(self.as_raw(), wanted.total() as c_int) };
        // `map_queues` has stored the numbers that the block layer uses.
        if self.queues() == wanted {
            Ok(())
        } else {
            Err(ENOMEM)
        }
    }

    /// Returns the lock that protects the hardware queues against changes.
    pub(super) fn queues_lock(&self) -> &Mutex<()> {
        &self.queues_lock
    }

    fn queues(&self) -> Queues {
        Queues::unpack(self.queues.load(Relaxed))
    }

    /// Maps the CPUs to the hardware queues.
    ///
    /// # Safety
    ///
    /// `set` must be the C tag set of a `TagSet<T>` whose other fields are initialized. Only to be
    /// called when the block layer asks for the mapping.
    pub(super) unsafe fn map_queues(set: *mut bindings::blk_mq_tag_set) {
        // SAFETY: By the requirements of this function `set` lies in a `TagSet<T>`. That may not be
        // fully initialized, so no reference to it is made here.
        let this = unsafe { container_of!(Opaque::cast_from(set), Self, inner) };
        // SAFETY: The field is initialized. By the type invariant nothing writes it now.
        let change = unsafe { *(*this).change.get() };
        // SAFETY: `set` is valid, and nothing else changes it while the block layer asks for the
        // mapping.
        let (total, maps) = unsafe { ((*set).nr_hw_queues, (*set).nr_maps) };
        let queues = change.choose(total);
        // SAFETY: The field is initialized.
        unsafe { &(*this).queues }.store(queues.pack(), Relaxed);

        // SAFETY: As above, `set` is valid. No reference to the maps is made, because `io_poll` in
        // sysfs may read the number of polled queues.
        let first = unsafe { &raw mut (*set).map }.cast::<bindings::blk_mq_queue_map>();
        let counts = [queues.submit, 0, queues.poll];
        let mut offset = 0;
        for (index, count) in counts.into_iter().take(maps as usize).enumerate() {
            // SAFETY: The array has a map for each type of queue, of which these are the first.
            let map = unsafe { first.add(index) };
            // SAFETY: `map` is valid, and nothing else writes to it. C may read the number of
            // queues without a lock, to show it in sysfs. C drivers write it by a plain store, too.
            unsafe {
                (*map).nr_queues = count;
                (*map).queue_offset = offset;
            }
            offset += count;
            if count > 0 {
                // SAFETY: `map` is a map of a tag set that is being set up, with room for all CPUs.
                // The function fills it with numbers from its offset up to, but not including, its
                // offset plus its count. All of them are numbers of existing queues.
                unsafe { bindings::blk_mq_map_queues(map) };
            }
        }
    }

    /// Returns the number of hardware queues, polled ones included.
    pub fn nr_hw_queues(&self) -> u32 {
        self.queues().total()
    }

    /// Returns the number of hardware queues that are not polled.
    pub fn submit_queues(&self) -> u32 {
        self.queues().submit
    }

    /// Returns the number of polled hardware queues.
    pub fn poll_queues(&self) -> u32 {
        self.queues().poll
    }

    /// Returns the number of requests of each hardware queue. All tags are below it.
    pub fn queue_depth(&self) -> u32 {
        // SAFETY: By the type invariant `inner` is initialized.
        unsafe { (*self.as_raw()).queue_depth }
    }

    /// Returns the C tag set.
    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.inner.get()
    }
}

// These functions are not generic, so their code is in the kernel once, and not in each module.
impl TagSetBuilder {
    /// Returns the numbers of hardware queues of a new tag set.
    #[inline(never)]
    fn queues(&self) -> Queues {
        Queues {
            submit: self.submit_queues.min(crate::cpu::nr_cpu_ids()),
            poll: self.poll_queues.min(Self::MAX_POLL_QUEUES),
        }
    }

    /// Sets up a C tag set for the driver whose operations are in `ops`.
    ///
    /// # Safety
    ///
    /// * `set` must be valid for writes. If this succeeds, the tag set must not be moved, and its
    ///   memory not be reused before `blk_mq_free_tag_set()` has been called.
    /// * There must be a driver `T` such that `ops` is the table of `VTable<T>`, `cmd_size` is
    ///   `Pdu::<T>::SIZE`, and `set` lies in a `TagSet<T>` whose other fields are initialized.
    #[inline(never)]
    unsafe fn alloc(
        &self,
        set: *mut bindings::blk_mq_tag_set,
        queues: Queues,
        ops: &'static bindings::blk_mq_ops,
        cmd_size: u32,
    ) -> Result {
        queues.check(ops.poll.is_some())?;
        // Memory allocators use a node's number as an index, and do not check it.
        let node = self.numa_node;
        if node != numa::NO_NODE && !numa::is_online(node) {
            pr_warn!("block: NUMA node {} is not online\n", node);
            return Err(EINVAL);
        }
        let value = bindings::blk_mq_tag_set {
            ops,
            cmd_size,
            // Not derived from `queues`, because polled queues can be added later.
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
        // SAFETY: `set` is zeroed but for the fields that a driver has to set. By the requirements
        // of this function it is not moved, and its functions may be called for it and for its
        // requests. On an error C leaves nothing allocated.
        to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
    }
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for TagSet<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant `inner` is set up. No disk uses it, because each holds a
        // reference to the tag set until it is gone. So no request is in use either.
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
    fn fallback_keeps_the_previous_queues() {
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
