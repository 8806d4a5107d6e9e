// SPDX-License-Identifier: GPL-2.0

//! What a driver implements.
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

/// What the functions of [`Operations`] get of a disk's data: see
/// [`ForeignOwnable::borrow`](crate::types::ForeignOwnable::borrow).
pub type BorrowedQueueData<'a, T> = <<T as Operations>::QueueData as ForeignOwnable>::Borrowed<'a>;

/// A block driver: its data types, and the functions that the block layer calls.
///
/// The implementor is a type of the driver that is never instantiated. It is the type parameter of
/// all that belongs to the driver: [`TagSet`](super::TagSet), [`GenDisk`](super::GenDisk),
/// [`Request`], [`OwnedRequest`].
///
/// The functions get the queue data as [`BorrowedQueueData`]. [`mq`](super#contexts) has a table of
/// the contexts that they run in.
///
/// The implementation needs the attribute `#[vtable]`. Without it the compiler asks for items that
/// are called `USE_VTABLE_ATTR` and `OwnerModule`.
///
/// This wraps [`struct blk_mq_ops`](srctree/include/linux/blk-mq.h).
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of a disk. The [`GenDisk`](super::GenDisk) owns it.
    type QueueData: ForeignOwnable + Send + Sync + 'static;

    /// Data of a request, set up once for each request and reused for all its I/Os. The owner and
    /// all references share it. See [`Request::data`].
    type RequestData: Send + Sync + 'static;

    /// Returns an initializer for the data of one request: a value, such as
    /// `AtomicStatus::new(Status::OK)`, or what `pin_init!` returns. May sleep.
    ///
    /// # Guarantees
    ///
    /// Called for each request of a tag set, when the tag set is created, and later when the block
    /// layer makes more requests: for an I/O scheduler, for a larger `nr_requests`, for a new disk
    /// or for [other hardware queues](super::TagSet::update_nr_hw_queues). Calls may overlap. Each
    /// value is dropped exactly once.
    ///
    /// I/O of the tag set's disks may be held up meanwhile, so neither the initializer nor
    /// dropping the data may wait for any.
    fn new_request_data() -> impl PinInit<Self::RequestData>;

    /// Prepares for the hardware queue `hw_queue` of a disk. May sleep.
    ///
    /// # Guarantees
    ///
    /// Called for each hardware queue of a new disk, those for polling included, and when their
    /// number [changes](super::TagSet::update_nr_hw_queues) for those that are new or move to
    /// another NUMA node. No I/O of the disk is in flight then. Nothing is called for a hardware
    /// queue that goes away.
    ///
    /// # Errors
    ///
    /// Any error makes the disk fail with `ENOMEM`, or the change of the number, which then stays
    /// as it was. A hardware queue that the disk has already stays on its NUMA node.
    fn init_hctx(_queue_data: BorrowedQueueData<'_, Self>, _hw_queue: u32) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes a request, or refuses it: see [`OwnedRequest::refuse`].
    ///
    /// Only an idle request can be refused, so a driver gets the memory, or the slot in a ring,
    /// that the request needs before it [starts](OwnedRequest::start) it. The request's fields and
    /// data are there before, too.
    ///
    /// If `is_last` is false, more requests follow at once, and the driver may ring the doorbell
    /// for several together. It must then implement [`commit_rqs`](Self::commit_rqs), which the
    /// block layer calls if the sequence ends early, by a refusal for instance.
    ///
    /// If the queue data is borrowed, name the lifetime `'call` as here: it can't be elided.
    ///
    /// # Guarantees
    ///
    /// Calls may overlap. The disk is there until the call returns, and while the driver has any of
    /// its requests.
    fn queue_rq<'call>(
        queue_data: BorrowedQueueData<'_, Self>,
        rq: OwnedRequest<Self, Idle<'call>>,
        is_last: bool,
    ) -> QueueResult<'call, Self>;

    /// Takes several requests, and returns those that it leaves.
    ///
    /// All are of one disk, but not necessarily of one hardware queue; flushes do not come this
    /// way. The block layer hands what is returned to [`queue_rq`](Self::queue_rq), one by one, in
    /// that order. So a driver that can't take a request returns it, and need not refuse it here.
    /// It may take later ones. Ring the doorbell before you return: neither `is_last` nor
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

    /// Tells the device of the requests of `hw_queue` that [`queue_rq`](Self::queue_rq) has taken
    /// with `is_last` false.
    ///
    /// # Guarantees
    ///
    /// As for [`queue_rq`](Self::queue_rq). The requests may have ended.
    fn commit_rqs(_queue_data: BorrowedQueueData<'_, Self>, _hw_queue: u32) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends requests that were completed by [`OwnedRequest::complete`] or
    /// [`RequestList::complete`].
    ///
    /// [`Request::queue_data`] leads to the device. The result of an I/O is best kept in the
    /// request's data, as an [`AtomicStatus`](crate::block::AtomicStatus):
    ///
    /// ```
    /// # use kernel::block::{mq::{Complete, Operations, RequestList}, AtomicStatus};
    /// fn complete<T>(requests: RequestList<T, Complete>)
    /// where
    ///     T: Operations<RequestData = AtomicStatus>,
    /// {
    ///     requests.end(|rq| rq.data().load());
    /// }
    /// ```
    ///
    /// # Guarantees
    ///
    /// Called once for each call of those functions, with the same requests. The list is not empty.
    fn complete(_requests: RequestList<Self, Complete>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends the requests of a hardware queue for polling that the device has completed. Returns how
    /// many, failed ones included.
    ///
    /// Requests that succeeded are best put into `batch`, which takes any. The submitter polls once
    /// the request is [started](OwnedRequest::start). Anything else may end a polled request, too.
    ///
    /// # Guarantees
    ///
    /// Called from several threads at once, while a submitter waits for an I/O.
    fn poll(
        _queue_data: BorrowedQueueData<'_, Self>,
        _hw_queue: u32,
        _batch: &mut CompletionBatch<'_>,
    ) -> u32 {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Handles a request whose timeout has expired.
    ///
    /// The owner may end the request on another CPU before, while and after this runs, so this gets
    /// a reference. To end the request, take its owner from where the driver keeps it: by
    /// [`Request::claim`] if it is parked, by [`RequestList::cancel_timer`] if a timer owns it, by
    /// [`RequestList::remove`] if it is in a list. The owner may not be there: the request has
    /// ended, or the driver is about to park it or to end it. Return then: this is called again
    /// after another timeout, unless the request has ended. [`OwnedRequest::park`] has an example.
    ///
    /// Without this function requests never time out.
    ///
    /// # Guarantees
    ///
    /// Called for one request of a disk at a time. The request is not used for another I/O during
    /// the call, but may be requeued, and started again.
    fn timeout(_queue_data: BorrowedQueueData<'_, Self>, _rq: &Request<Self>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Reports zones of a zoned disk: see [`ZoneReport`].
    ///
    /// # Guarantees
    ///
    /// Called from several threads at once. The disk is there until the call returns; it is not
    /// added yet when this is called from [`GenDiskBuilder::build`](super::GenDiskBuilder::build).
    /// I/O can be in flight. Freezing the queue waits for this function to return.
    ///
    /// # Errors
    ///
    /// The caller that asked for the zones gets the error, whatever was put.
    fn report_zones(_queue_data: BorrowedQueueData<'_, Self>, _report: &mut ZoneReport) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }
}
