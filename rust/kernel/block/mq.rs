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
//! | on its way to [`Operations::complete`] | there |
//!
//! [timer]: OwnedRequest::start_timer
//!
//! References, `ARef<Request<T>>`, can be taken from the owner and kept as long as one likes. They
//! keep the request from being used for another I/O, and they do not keep the owner from ending it.
//!
//! The vocabulary and a diagram of the states are in `mq/request.rs`.
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
        CompletedRequests,
        CompletionBatch,
        Idle,
        InFlight,
        OwnedRequest,
        OwnedRequestHrTimerHandle,
        QueueResult,
        Refused,
        Request,
        RequestChain,
        RequestHrTimerContext,
        RequestHrTimerHandle,
        RequestList,
        Segments,
        Started,
        State, //
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
