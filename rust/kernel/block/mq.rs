// SPDX-License-Identifier: GPL-2.0

//! Block drivers with multiple queues (blk-mq).
//!
//! # Vocabulary
//!
//! * **Request**: `struct request`, an I/O on its way through the block layer. The block layer sets
//!   up a fixed number of them and uses each for one I/O after the other.
//! * **Reference**: [`ARef<Request<T>>`](Request). It keeps the request from being freed and
//!   recycled, and gives no right to it. The count is the C field `ref`. Dropping the last
//!   reference frees the request.
//! * **Owner**: [`OwnedRequest`], a reference together with the exclusive right to start,
//!   complete, end or requeue the request and to use its data. There is one at most. It moves and
//!   is never cloned, so it costs no reference counting.
//! * **End**: to give the submitter the result. **Complete**: to hand the request to
//!   [`Operations::complete`] on a CPU that suits the submitter. The driver ends it there. It may
//!   also end a request without completing it.
//! * **State**: how far the driver has come with a request it owns: [`Idle`], [`InFlight`] or
//!   [`Complete`], a type parameter of the owner.
//! * **List**: [`RequestList`], owners of requests that belong together.
//! * **Hardware queue**: what blk-mq calls `hctx`. A driver knows it by its number.
//! * **Tag**: the number of a request in flight, unique within its hardware queue. All hardware
//!   queues and requests of a device are its [`TagSet`].
//! * **Park**: to leave the owner in the request itself. **Claim**: to take it out again, after
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
//! An idle request does not outlive the call that handed it to the driver. A started one may be
//! anywhere: in a variable, a [`RequestList`], a timer, or parked. Its timeout runs until it is
//! completed or ended: see [`Operations::timeout`].
//!
//! # Timers
//!
//! A driver can put an [`HrTimer`] into its request data, and names in its [`HrTimerCallback`] what
//! the timer holds and the callback gets:
//!
//! * A [`RequestList<T, InFlight>`](RequestList): [`start_timer`](RequestList::start_timer) leaves
//!   the requests to the timer, [`cancel_timer`](RequestList::cancel_timer) takes them back. This
//!   is for devices that complete by timer. A single request is a list of one.
//! * An [`ARef<Request<T>>`](Request): [`start_timer`](Request::start_timer) gives the timer a
//!   reference, [`cancel_timer`](Request::cancel_timer) drops it. This is for watching a request,
//!   which may have ended by the time of the callback, or been started anew.
//!
//! A callback that wants another call starts the timer again. What it returns has no effect. As in
//! C, a time below zero from now never comes.
//!
//! [`HrTimer`]: crate::time::hrtimer::HrTimer
//! [`HrTimerCallback`]: crate::time::hrtimer::HrTimerCallback
//!
//! # A driver
//!
//! This one completes reads and writes at once, without moving data, and counts them:
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
//! A loadable module keeps the [`GenDisk`] in its own value: `samples/rust/rust_blk_minimal.rs` is
//! the whole of one, which takes `obj-m += rust_blk_minimal.o` in the Makefile, and
//! `samples/rust/rust_blk_ram.rs` a disk that keeps its data.
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
//! [`Request::queue_data`] leads to it from any request. Dropping the [`GenDisk`] drops it, after
//! the last of the disk's requests, and may sleep then. So keep the timer, interrupt or thread that
//! ends requests in the queue data, or in a field that is declared after the [`GenDisk`].
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
//! | the lock is taken in | it is a |
//! | --- | --- |
//! | what may sleep, and nothing else | [`Mutex`](crate::sync::Mutex) |
//! | `queue_rq` and the like, `poll`, `timeout` | [`SpinLock`](crate::sync::SpinLock) |
//! | `complete`, a timer or an interrupt, too | [`SpinLockIrq`](crate::sync::SpinLockIrq) |
//!
//! Hold no lock while you end or complete a request, drop a list, drop a reference or cancel a
//! timer that holds one, or look up a tag: each may call the submitter or [`Operations::complete`].
//! Starting, parking, claiming and requeueing a
//! request, and starting a timer, call neither.
//!
//! # What is not promised
//!
//! * A leak is harmless to memory, and hangs: an owner that is leaked is an I/O that never ends, a
//!   reference that is leaked is a tag that is never used again. Removing the disk waits for both.
//!   If the disk is leaked, too, unloading its module waits, and with it the loading and unloading
//!   of all others.
//! * A wrong tag, if it is in use, leads to another I/O, and claiming by it ends that early. After
//!   a timeout, a late completion does the same to the next I/O with the tag. Memory is safe, data
//!   is not. [Keys](OwnedRequest::park) are for devices that may do this.
//! * If adding a disk fails in `device_add_disk()` for lack of memory, C may keep the disk for as
//!   long as a reader of the list of disks looks at it, as with drivers in C. The queue data and
//!   the tag set do not wait for that.
//! * A driver that sleeps where it must not, in `queue_rq` of a tag set that is not [`blocking`],
//!   leaves the read-side critical section of RCU that keeps its disk alive, in kernels without
//!   `CONFIG_PREEMPT_RCU`. The kernel warns ("scheduling while atomic"). No safe Rust in the kernel
//!   is protected from that, nor from a timer or a work item that is leaked and outlives its
//!   module.
//!
//! # What is not covered
//!
//! Mapping a request's data for DMA; request data that is made with the device or the NUMA node at
//! hand, or that can fail; requests that the driver makes, and reserved tags; going over the
//! requests in flight, other than by their tags; stopping, quiescing, freezing and waking queues;
//! hardware queues for reads, data for each hardware queue, and mapping by interrupt affinity; a
//! parent device; a capacity and limits that change.

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
