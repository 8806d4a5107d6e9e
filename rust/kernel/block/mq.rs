// SPDX-License-Identifier: GPL-2.0

//! Block drivers with multiple queues (blk-mq).
//!
//! A driver
//!
//! * implements [`Operations`] for a type of its own, `T`;
//! * makes a [`TagSet<T>`]: the hardware queues of the device and the requests that they have;
//! * makes one [`GenDisk<T>`] or more on it, with a [`GenDiskBuilder`]. From then on there is a block
//!   device, until the [`GenDisk`] is dropped.
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
//! | [parked](OwnedRequest::park) in its request | from [`Request::claim`] |
//! | in the request's [timer](OwnedRequest::start_timer) | in the timer's callback, or from [`Request::cancel_timer`] |
//! | on its way to [`Operations::complete`] | there |
//!
//! References, `ARef<Request<T>>`, can be taken from the owner and kept as long as one likes. They
//! keep the request from being used for another I/O, and they do not keep the owner from ending it.
//!
//! The vocabulary and a diagram of the states are in `mq/request.rs`.
//!
//! # What is not covered
//!
//! Hardware queues for reads, hardware queues that are mapped to CPUs otherwise than by default,
//! changing their number, reserved tags, drivers that sleep in [`Operations::queue_rq`] and budgets have
//! no abstraction here yet.
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
#[cfg(CONFIG_MODULES)]
mod unload;
mod vtable;

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
        QueueResult,
        Refused,
        Request,
        RequestHrTimerContext,
        RequestHrTimerHandle,
        RequestList,
        Segments,
        State, //
    },
    tag_set::{
        TagSet,
        TagSetBuilder, //
    },
};

/// What [`Operations::queue_rq`] gets of a disk's data: a reference to it, in the way of
/// [`ForeignOwnable::borrow`](crate::types::ForeignOwnable::borrow).
pub type BorrowedQueueData<'a, T> =
    <<T as Operations>::QueueData as crate::types::ForeignOwnable>::Borrowed<'a>;
