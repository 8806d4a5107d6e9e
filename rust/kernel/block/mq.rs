// SPDX-License-Identifier: GPL-2.0

//! Block drivers with multiple queues (blk-mq).
//!
//! # Vocabulary
//!
//! * **Request**: `struct request`, an I/O in the block layer. The block layer allocates a fixed
//!   number of them and reuses each for one I/O after the other.
//! * **Reference**: [`ARef<Request<T>>`](Request). It keeps the request from being freed and
//!   recycled, and permits nothing else. The count is the C field `ref`. Dropping the last
//!   reference frees the request.
//! * **Owner**: [`OwnedRequest`], a reference together with the exclusive right to start, complete,
//!   end or requeue the request and to use its data. A request has one owner at most. The owner is
//!   moved and never cloned, so it costs no reference counting.
//! * **End**: to give the submitter the result. **Complete**: to have [`Operations::complete`]
//!   called for the request on a CPU near the submitter, where the driver ends it. A driver may
//!   also end a request without completing it.
//! * **State**: how far the driver has processed a request that it owns: [`Idle`], [`InFlight`] or
//!   [`Complete`], a type parameter of the owner.
//! * **List**: [`RequestList`], a list of owners.
//! * **Hardware queue**: blk-mq's `hctx`. A driver refers to it by number.
//! * **Tag**: the number of a request in flight, unique within its hardware queue. All hardware
//!   queues and requests of a device are its [`TagSet`].
//! * **Park**: to store the owner in the request itself. **Claim**: to take it out again, after
//!   finding the request by its tag. See [`OwnedRequest::park`].
//!
//! # States
//!
//! ```text
//!                block layer
//!      ^            |                ^                   ^
//!      | refuse()   | queue_rq()     | requeue()         | end()
//!      |            v                |                   | drop: ends with IOERR
//!      |  +------------------+       |                   |
//!      +--|  Idle            |-------+-------------------+
//!         +------------------+       |                   |
//!                   | start()        |                   |
//!                   v                |                   |
//!         +------------------+       |                   |
//!     +-->|  InFlight        |-------+-------------------+
//!     |   +------------------+       |                   |
//!     |      |    |      | complete()|                   |
//!     |      |    |      v           |                   |
//!     |      |    |   +----------+   |                   |
//!     |      |    |   | Complete |---+-------------------+
//!     |      |    |   +----------+
//!     |      |    +--> in a timer ---+ callback, or cancel_timer()
//!     |      +-------> parked -------+ claim()
//!     |                              |
//!     +------------------------------+
//! ```
//!
//! An idle request does not outlive the call that passed it to the driver. The owner of a started
//! request may be anywhere: in a variable, a [`RequestList`] or a timer, or parked. The request's
//! timeout runs until the request is completed or ended: see [`Operations::timeout`].
//!
//! # Timers
//!
//! A driver can put an [`HrTimer`] into its request data. Its [`HrTimerCallback`] names the type
//! that the timer holds and the callback receives:
//!
//! * A [`RequestList<T, InFlight>`](RequestList): [`start_timer`](RequestList::start_timer) gives
//!   the requests to the timer, [`cancel_timer`](RequestList::cancel_timer) takes them back. Use
//!   this to complete requests by timer. A single request is a list of one.
//! * An [`ARef<Request<T>>`](Request): [`start_timer`](Request::start_timer) gives the timer a
//!   reference, [`cancel_timer`](Request::cancel_timer) drops it. Use this to watch a request,
//!   which may have ended, or been started again, before the callback runs.
//!
//! The callback can restart the timer by `start_timer`. Its return value has no effect. As in C, a
//! timer whose time is negative, relative to now, never expires.
//!
//! [`HrTimer`]: crate::time::hrtimer::HrTimer
//! [`HrTimerCallback`]: crate::time::hrtimer::HrTimerCallback
//!
//! # A driver
//!
//! This driver completes reads and writes at once, without moving data, and counts them:
//!
//! ```
//! use kernel::{
//!     block::{mq::*, Op, Status},
//!     prelude::*,
//!     sync::{
//!         atomic::{Atomic, Relaxed},
//!         Arc, //
//!     },
//! };
//!
//! struct Null;
//!
//! #[vtable]
//! impl Operations for Null {
//!     type QueueData = KBox<Atomic<u64>>;
//!     type RequestData = ();
//!
//!     fn new_request_data() -> impl PinInit<()> {}
//!
//!     fn queue_rq<'call>(
//!         count: &Atomic<u64>,
//!         rq: OwnedRequest<Self, Idle<'call>>,
//!         _is_last: bool,
//!     ) -> QueueResult<'call, Self> {
//!         if !matches!(rq.op(), Op::READ | Op::WRITE) {
//!             return Err(rq.refuse(Status::NOTSUPP));
//!         }
//!         count.add(1, Relaxed);
//!         rq.start().end_ok();
//!         Ok(())
//!     }
//! }
//!
//! let tag_set = Arc::pin_init(TagSet::<Null>::new(TagSetBuilder::new()), GFP_KERNEL)?;
//! let disk = GenDiskBuilder::new()
//!     .capacity_sectors(4096)
//!     .build(c"doctest_null", tag_set, KBox::new(Atomic::new(0), GFP_KERNEL)?)?;
//! // The block device is there until this is dropped.
//! drop(disk);
//! # Ok::<(), Error>(())
//! ```
//!
//! A loadable module stores the [`GenDisk`] in its own value. `samples/rust/rust_blk_minimal.rs` is
//! a complete module; add `obj-m += rust_blk_minimal.o` to a Makefile to build it.
//! `samples/rust/rust_blk_ram.rs` is a disk that keeps its data.
//!
//! # Queue data
//!
//! A [`GenDisk`] owns its queue data. The functions of [`Operations`] borrow it:
//!
//! | `QueueData` | they get |
//! | --- | --- |
//! | `()` | `()` |
//! | `KBox<D>` | `&D` |
//! | `Pin<KBox<D>>` | `Pin<&D>` |
//! | `Arc<D>` | `ArcBorrow<'_, D>` |
//!
//! [`Request::queue_data`] returns it for any request. Dropping the [`GenDisk`] drops it, after the
//! last request of the disk, in a context that may sleep. So keep the timer, interrupt or thread
//! that ends requests in the queue data, or in a field that is declared after the [`GenDisk`].
//!
//! # Contexts
//!
//! | | process, may sleep | process, must not sleep | softirq, hardirq |
//! | --- | --- | --- | --- |
//! | making and dropping a [`TagSet`], a [`GenDisk`] | yes | | |
//! | `new_request_data`, `init_hctx`, `timeout`, `report_zones` are called in | yes | | |
//! | `queue_rq`, `queue_rqs`, `commit_rqs` are called in | if [`blocking`] | otherwise | |
//! | `poll` is called in | | yes | |
//! | `complete` is called in | | yes | yes |
//! | methods of owners, references, lists and batches | yes | yes | yes |
//! | [`TagSet::tag_to_rq`] | yes | yes | yes |
//!
//! [`blocking`]: TagSetBuilder::blocking
//!
//! | the lock is taken in | use a |
//! | --- | --- |
//! | contexts that may sleep, and no others | [`Mutex`](crate::sync::Mutex) |
//! | also `queue_rq`, `queue_rqs`, `poll`, `timeout` | [`SpinLock`](crate::sync::SpinLock) |
//! | also `complete`, a timer or an interrupt | [`SpinLockIrq`](crate::sync::SpinLockIrq) |
//!
//! Hold no lock while you end or complete a request, drop a list, drop a reference, cancel a timer
//! that holds a reference, or look up a tag: each may call the submitter or
//! [`Operations::complete`]. Starting, parking, claiming and requeueing a request, and starting a
//! timer, call neither.
//!
//! # What is not promised
//!
//! * A leak cannot corrupt memory, but other code may wait forever. The I/O of a leaked owner never
//!   ends; the tag of a leaked reference is never used again. Removing the disk waits for both. If
//!   the disk is leaked, too, unloading its module waits, and with it the loading and unloading of
//!   all other modules.
//! * A wrong tag that is in use finds another I/O. Claiming that request and ending it ends the
//!   other I/O early. A completion that arrives after a timeout does the same to the next I/O with
//!   the tag. Memory is safe, data is not. [Keys](OwnedRequest::park) protect against such devices.
//! * If `device_add_disk()` fails for lack of memory, a reader of the list of disks may keep the
//!   disk in memory for a while, as with drivers in C. The queue data and the tag set are freed
//!   without waiting for it.
//! * In kernels without `CONFIG_PREEMPT_RCU`, a driver that sleeps in `queue_rq` of a tag set that
//!   is not [`blocking`] leaves the RCU read-side critical section that keeps its disk alive. The
//!   kernel warns ("scheduling while atomic"). No safe Rust in the kernel is protected from that,
//!   nor from a leaked timer or work item that outlives its module.
//!
//! # What is not covered
//!
//! Mapping a request's data for DMA; request data whose initializer gets the device or the NUMA
//! node, or can fail; requests made by the driver, and reserved tags; iterating over the requests
//! in flight, other than by their tags; stopping, quiescing, freezing and waking queues; hardware
//! queues for reads, data of a hardware queue, and mapping by interrupt affinity; a parent device;
//! a capacity and limits that change.

mod gen_disk;
#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
mod kunit;
mod operations;
mod request;
mod tag_set;
#[cfg(CONFIG_MODULES)]
mod unload;
mod vtable;
mod zoned;

pub use self::{
    gen_disk::{
        AtomicWriteLimits,
        GenDisk,
        GenDiskBuilder, //
    },
    operations::{
        BorrowedQueueData,
        Operations, //
    },
    request::{
        Complete,
        CompletionBatch,
        Idle,
        InFlight,
        OwnedRequest,
        QueueResult,
        Refused,
        Request,
        RequestList,
        Segments,
        State, //
    },
    tag_set::{
        TagSet,
        TagSetBuilder, //
    },
    zoned::ZonedLimits, //
};
