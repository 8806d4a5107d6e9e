// SPDX-License-Identifier: GPL-2.0

//! Block drivers with multiple queues (blk-mq).
//!
//! A driver
//!
//! * implements [`Operations`] for a type of its own, `T`;
//! * makes a [`TagSet<T>`]: the hardware queues of the device and the requests that they have;
//! * makes one [`GenDisk<T>`] or more on it, with a [`GenDiskBuilder`]. From then on there is a
//!   block device, until the [`GenDisk`] is dropped.
//!
//! # Life of a request
//!
//! The block layer hands each I/O to [`Operations::queue_rq`] as an [`OwnedRequest`] in the state
//! [`Idle`]. The driver [starts](OwnedRequest::start) it and, now or later, here or on another CPU,
//! [ends](OwnedRequest::end) it; or it [completes](OwnedRequest::complete) it, upon which
//! [`Operations::complete`] gets to end it on a CPU that suits the submitter.
//!
//! The owner is the only one who can do that, and can do it only once: it is a value that is moved.
//! In between the driver may keep it where it likes:
//!
//! | the owner is | and comes back |
//! | --- | --- |
//! | in a variable of the driver's | when the driver says so |
//! | [parked](OwnedRequest::park) in its request | from [`Request::claim`] or [`TagSet::claim`] |
//! | in the request's [timer] | in the timer's callback, or from [`Request::cancel_timer`] |
//! | in a [`RequestChain`] | from that, one by one or all together |
//! | in the [timer of a chain] | in its callback, or from `cancel_timer` of the first request |
//! | on its way to [`Operations::complete`] | there |
//!
//! [timer]: OwnedRequest::start_timer
//! [timer of a chain]: RequestChain::start_timer
//!
//! # Owners and references
//!
//! Two rights to a request are kept apart:
//!
//! * A **reference**, [`ARef<Request<T>>`](Request), keeps the request from being freed, so that
//!   its memory is not used for another I/O; nor is its tag, unless the request [gives that
//!   up](Request#tags). References are counted, cloned and dropped at will, and say nothing about
//!   whose turn it is: the I/O may have ended long ago.
//! * The **owner**, [`OwnedRequest`], is the right to start, end, complete or requeue the I/O and
//!   to touch its data. There is at most one for each request. It is moved, never cloned, and using
//!   it up cannot fail, whoever holds references.
//!
//! The count is the C field `struct request::ref`. The block layer sets it to one when it allocates
//! the request, and gives that first count up when the I/O is ended. The owner *stands for* it, so
//! an I/O that is passed from hand to hand and ended costs no counting at all.
//!
//! # States
//!
//! What the owner may do depends on the state of the request, which is a type parameter of
//! [`OwnedRequest`]. The states are those of `enum mq_rq_state`:
//!
//! ```text
//!              block layer
//!      ^            |                ^                    ^
//!      |            | queue_rq()     | requeue()          | end()
//!      | Refused    v                |                    | drop: ends with IOERR
//!      |  +------------------+       |                    |
//!      +--|  Idle            |-------+--------------------+
//!         +------------------+       |                    |
//!                   | start()        |                    |
//!                   v                |                    |
//!         +------------------+       |                    |
//!     +-->|  InFlight        |-------+--------------------+
//!     |   +------------------+       |                    |
//!     |      |    |      | complete()|                    |
//!     |      |    |      v           |                    |
//!     |      |    |   +----------+   |                    |
//!     |      |    |   | Complete |---+--------------------+
//!     |      |    |   +----------+
//!     |      |    +--> in the timer --+ timer expires, or cancel_timer()
//!     |      +-------> parked --------+ claim()
//!     |                               |
//!     +-------------------------------+
//! ```
//!
//! After `end()` the submitter has its answer at once, except for that of a
//! [flush](crate::block::Op::FLUSH), who has it when the last reference is dropped. The memory, the
//! tag and the share in the queue stay taken until then:
//!
//! ```text
//!     ended, references left  --- last reference dropped --->  free, tag may be used again
//! ```
//!
//! # What is leaked
//!
//! `mem::forget` is safe, so leaks must be harmless to memory. A leaked owner is an I/O that never
//! ends: its submitter waits, and [`Operations::timeout`] can't help, which gets a reference and
//! finds an owner only where one was put. A leaked reference is a tag that is never used again; if
//! it is one to a flush, its submitter waits for ever, as do those of all later flushes of the
//! hardware queue. Both make the removal of the disk wait for ever. Nothing is freed early and
//! nothing is used twice. If the disk is leaked, too, it is the unloading of its module that waits,
//! and with it the loading and unloading of all others.
//!
//! # Contexts
//!
//! | | process, where it may sleep | process or softirq, where it may not | hardirq |
//! | --- | --- | --- | --- |
//! | making and dropping a [`TagSet`] or a [`GenDisk`], [`TagSet::resize`] | yes | | |
//! | [`Operations::new_request_data`], [`Operations::init_hctx`] are called in | yes | | |
//! | [`Operations::queue_rq`] and [`queue_rqs`] are called in | if [`blocking`] | otherwise | |
//! | [`Operations::complete`] is called in | | yes | yes |
//! | [`Operations::poll`] is called in | | process | |
//! | [`Operations::timeout`] is called in | yes | | |
//! | methods of owners, a [`RequestChain`], a [`CompletionBatch`] | yes | yes | yes |
//! | [`TagSet::tag_to_rq`], [`TagSet::claim`], [`Request::claim`] | yes | yes | yes |
//! | [`Request::cancel_timer`] | yes | yes | yes |
//! | cloning and dropping a reference | yes | yes | yes |
//!
//! [`queue_rqs`]: Operations::queue_rqs
//! [`blocking`]: TagSetBuilder::blocking
//!
//! # Zoned disks
//!
//! A disk that is to be written zone by zone is built with [`GenDiskBuilder::zoned`], by a driver
//! with [`Operations::report_zones`]. The block layer orders the writes to a zone. The driver gets
//! operations on zones ([`Op::ZONE_RESET`](crate::block::Op::ZONE_RESET) and others) like any
//! other, and tells where it has written the data of a zone append by [`OwnedRequest::set_sector`].
//!
//! # What is not covered
//!
//! Hardware queues for reads, hardware queues that are mapped to CPUs otherwise than by default,
//! reserved tags and budgets have no abstraction here yet.
//!
//! # Examples
//!
//! A disk that answers at once, without doing anything:
//!
//! ```
//! use kernel::{
//!     block::mq::*,
//!     prelude::*,
//!     sync::Arc, //
//! };
//!
//! struct Null;
//!
//! #[vtable]
//! impl Operations for Null {
//!     type QueueData = ();
//!     type RequestData = ();
//!
//!     fn new_request_data() -> impl PinInit<(), Error> {
//!         Ok(())
//!     }
//!
//!     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
//!         rq.start().end_ok();
//!         Ok(())
//!     }
//! }
//!
//! let tag_set = Arc::pin_init(TagSet::<Null>::new(TagSetBuilder::new()), GFP_KERNEL)?;
//! let disk = GenDiskBuilder::new()
//!     .capacity_sectors(4096)
//!     .build(c"doctest_null", tag_set, ())?;
//! drop(disk);
//! # Ok::<(), Error>(())
//! ```

mod gen_disk;
#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
mod kunit;
mod operations;
mod request;
mod tag_set;
mod tags;
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
        Operations,
        TimeoutAction, //
    },
    request::{
        Complete,
        CompletionBatch,
        Idle,
        InFlight,
        OwnedRequest,
        OwnedRequestHrTimerHandle,
        OwnedRequests,
        QueueResult,
        Refused,
        Request,
        RequestChain,
        RequestHrTimerContext,
        RequestHrTimerHandle,
        RequestList,
        Segments,
        Started,
        State,
        TimerOwner, //
    },
    tag_set::{
        TagSet,
        TagSetBuilder, //
    },
    zoned::ZonedLimits, //
};

/// What [`Operations::queue_rq`] gets of a disk's data: a reference to it, in the way of
/// [`ForeignOwnable::borrow`](crate::types::ForeignOwnable::borrow).
///
/// # Examples
///
/// A function that several drivers with the same data share:
///
/// ```
/// use kernel::{
///     block::mq::{BorrowedQueueData, Operations},
///     prelude::*,
///     sync::atomic::{Atomic, Relaxed}, //
/// };
///
/// fn count<T>(queue_data: BorrowedQueueData<'_, T>)
/// where
///     T: Operations<QueueData = KBox<Atomic<u64>>>,
/// {
///     queue_data.add(1, Relaxed);
/// }
/// ```
pub type BorrowedQueueData<'a, T> =
    <<T as Operations>::QueueData as crate::types::ForeignOwnable>::Borrowed<'a>;
