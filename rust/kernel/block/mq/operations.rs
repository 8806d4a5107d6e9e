// SPDX-License-Identifier: GPL-2.0

//! The functions and types that a driver implements.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::request::{
    Complete,
    CompletionBatch,
    Idle,
    OwnedRequest,
    QueueResult,
    Request,
    RequestList, //
};
use crate::{
    block::ZoneReport,
    prelude::*,
    types::ForeignOwnable, //
};
use pin_init::PinInit;

/// The queue data as the functions of [`Operations`] borrow it: see
/// [`ForeignOwnable::borrow`](crate::types::ForeignOwnable::borrow).
pub type BorrowedQueueData<'a, T> = <<T as Operations>::QueueData as ForeignOwnable>::Borrowed<'a>;

/// A block driver: its data types, and the functions that the block layer calls.
///
/// A driver implements this for a type that is never instantiated. That type is the parameter of
/// [`TagSet`](super::TagSet), [`GenDisk`](super::GenDisk), [`Request`] and [`OwnedRequest`].
///
/// The functions get the queue data as [`BorrowedQueueData`]. See the table in
/// [`mq`](super#contexts) for the contexts in which the block layer calls them.
///
/// The implementation needs the attribute `#[vtable]`. Without it the compiler reports that
/// `USE_VTABLE_ATTR` and `OwnerModule` are missing.
///
/// This wraps [`struct blk_mq_ops`](srctree/include/linux/blk-mq.h).
#[vtable]
pub trait Operations: Sized + 'static {
    /// The queue data of a disk, which its [`GenDisk`](super::GenDisk) owns.
    type QueueData: ForeignOwnable + Send + Sync + 'static;

    /// The driver's data of a request. It is initialized once for each request and reused for all
    /// its I/Os. The owner and all references share it. See [`Request::data`].
    type RequestData: Send + Sync + 'static;

    /// Returns an initializer for the data of one request: a value, or the result of `pin_init!`.
    /// May sleep.
    ///
    /// # Guarantees
    ///
    /// Called for each request of a tag set when the tag set is created, and later when the block
    /// layer makes more requests: for an I/O scheduler, a larger `nr_requests`, a new disk or
    /// [other hardware queues](super::TagSet::update_nr_hw_queues). Calls may overlap. Each value
    /// is dropped exactly once.
    ///
    /// The block layer may hold up I/O of the tag set's disks during the call, so neither the
    /// initializer nor dropping the data may wait for I/O.
    fn new_request_data() -> impl PinInit<Self::RequestData>;

    /// Prepares the hardware queue `hw_queue` of a disk. May sleep.
    ///
    /// # Guarantees
    ///
    /// Called for each hardware queue of a new disk, polled ones included. When the number of
    /// hardware queues [changes](super::TagSet::update_nr_hw_queues), called for those that are new
    /// or move to another NUMA node. No I/O of the disk is in flight then. Nothing is called for a
    /// hardware queue that is removed.
    ///
    /// # Errors
    ///
    /// Any error makes the creation of the disk fail with `ENOMEM`, or the change of the number,
    /// which then stays the same. A hardware queue that should have moved to another NUMA node
    /// stays where it is.
    fn init_hctx(_queue_data: BorrowedQueueData<'_, Self>, _hw_queue: u32) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes a request, or refuses it: see [`OwnedRequest::refuse`].
    ///
    /// Only an idle request can be refused. So allocate the memory, or the slot in a ring, that the
    /// request needs before you [start](OwnedRequest::start) it. The request's fields and data are
    /// accessible before the start, too.
    ///
    /// If `is_last` is false, more requests follow at once, and the driver may ring the doorbell
    /// once for several requests. It must then implement [`commit_rqs`](Self::commit_rqs), which
    /// the block layer calls if the sequence ends early, for instance because a request was
    /// refused.
    ///
    /// If the queue data is borrowed, name the lifetime `'call` as here: it can't be elided.
    ///
    /// # Guarantees
    ///
    /// Calls may overlap. The disk exists until the call returns, and while the driver owns any of
    /// its requests.
    fn queue_rq<'call>(
        queue_data: BorrowedQueueData<'_, Self>,
        rq: OwnedRequest<Self, Idle<'call>>,
        is_last: bool,
    ) -> QueueResult<'call, Self>;

    /// Takes several requests, and returns those that it does not take.
    ///
    /// All are of one disk, but not necessarily of one hardware queue. No flush is among them. The
    /// block layer passes the returned requests to [`queue_rq`](Self::queue_rq), one by one, in
    /// that order. So a driver that can't take a request returns it, and need not refuse it here.
    /// It may still take later ones. Ring the doorbell before you return: neither `is_last` nor
    /// [`commit_rqs`](Self::commit_rqs) follows.
    ///
    /// # Guarantees
    ///
    /// As for [`queue_rq`](Self::queue_rq).
    fn queue_rqs<'call>(
        _queue_data: BorrowedQueueData<'_, Self>,
        _requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Rings the doorbell for the requests of `hw_queue` that [`queue_rq`](Self::queue_rq) has
    /// taken with `is_last` false.
    ///
    /// # Guarantees
    ///
    /// As for [`queue_rq`](Self::queue_rq). The requests may have ended.
    fn commit_rqs(_queue_data: BorrowedQueueData<'_, Self>, _hw_queue: u32) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends requests that the driver completed by [`OwnedRequest::complete`] or
    /// [`RequestList::complete`].
    ///
    /// [`Request::queue_data`] returns the queue data. A driver stores the result of an I/O with
    /// the request before, by [`Request::status`]:
    ///
    /// ```
    /// # use kernel::block::mq::{Complete, Operations, RequestList};
    /// fn complete<T: Operations>(requests: RequestList<T, Complete>) {
    ///     requests.end(|rq| rq.status().load());
    /// }
    /// ```
    ///
    /// # Guarantees
    ///
    /// Called once for each call of those methods, with the same requests. The list is not empty.
    fn complete(_requests: RequestList<Self, Complete>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends the requests of a polled hardware queue that the device has completed. Returns their
    /// number, failed ones included.
    ///
    /// Put requests into `batch`, which is cheapest for those that succeeded. The submitter may
    /// poll as soon as the request is [started](OwnedRequest::start). The driver may also end
    /// polled requests elsewhere.
    ///
    /// # Guarantees
    ///
    /// Called from several threads at once, while submitters wait for I/O.
    fn poll(
        _queue_data: BorrowedQueueData<'_, Self>,
        _hw_queue: u32,
        _batch: &mut CompletionBatch<'_>,
    ) -> u32 {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Handles a request whose timeout has expired.
    ///
    /// This gets a reference, because the owner may end the request on another CPU before, while or
    /// after this runs. To end the request, take its owner from where the driver keeps it: by
    /// [`Request::claim`] if it is parked, by [`RequestList::cancel_timer`] if a timer owns it, by
    /// [`RequestList::remove`] if it is in a list. The owner may be missing there, because the
    /// request has ended, or the driver is about to park it or to end it. Return then: the block
    /// layer calls this again after another timeout, unless the request has ended.
    /// [`OwnedRequest::park`] has an example.
    ///
    /// Without this function, requests never time out.
    ///
    /// # Guarantees
    ///
    /// Called for one request of a disk at a time. The request is not used for another I/O during
    /// the call, but may be requeued and started again.
    fn timeout(_queue_data: BorrowedQueueData<'_, Self>, _rq: &Request<Self>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Puts zones of a zoned disk into `report`: see [`ZoneReport`].
    ///
    /// # Guarantees
    ///
    /// Called from several threads at once, while I/O may be in flight. The disk exists until the
    /// call returns. It is not added yet when
    /// [`GenDiskBuilder::build`](super::GenDiskBuilder::build) causes the call. Freezing the queue
    /// waits for this function to return.
    ///
    /// # Errors
    ///
    /// The caller that asked for the zones gets the error, and no zones of this report.
    fn report_zones(_queue_data: BorrowedQueueData<'_, Self>, _report: &mut ZoneReport) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }
}
