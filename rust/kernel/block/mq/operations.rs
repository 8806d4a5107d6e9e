// SPDX-License-Identifier: GPL-2.0

//! What a driver implements.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    request::{
        Complete,
        CompletionBatch,
        Idle,
        OwnedRequest,
        OwnedRequests,
        QueueResult,
        Request,
        RequestList, //
    },
    BorrowedQueueData, //
};
use crate::{
    block::ZoneReport,
    prelude::*,
    types::ForeignOwnable, //
};
use pin_init::PinInit;

/// What is to become of a request that was not ended in time.
///
/// The result of [`Operations::timeout`].
///
/// # Examples
///
/// ```
/// use kernel::block::{mq::{Operations, Request, TimeoutAction}, Status};
///
/// /// Gives the device of a driver that parks its requests one more chance, if it is `busy`.
/// fn timeout<T: Operations>(busy: bool, rq: &Request<T>) -> TimeoutAction {
///     if busy {
///         return TimeoutAction::Reset;
///     }
///     if let Some(rq) = rq.claim() {
///         rq.end(Status::TIMEOUT);
///     }
///     TimeoutAction::Done
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutAction {
    /// The driver has ended the request, or will. It is not asked again (`BLK_EH_DONE`).
    Done,
    /// The driver needs more time; start the time-out anew (`BLK_EH_RESET_TIMER`).
    Reset,
}

/// A block driver: its data types, and the functions that the block layer calls.
///
/// Implement this for a type of your own; it is never instantiated. The implementor is the type
/// parameter of all that belongs to the driver: [`TagSet`](super::TagSet),
/// [`GenDisk`](super::GenDisk), [`Request`] and [`OwnedRequest`].
///
/// Which functions the block layer calls is decided by which of them are implemented.
///
/// This wraps [`struct blk_mq_ops`](srctree/include/linux/blk-mq.h).
///
/// # Examples
///
/// A driver that counts the sectors that a disk has read, and ends requests on a CPU that suits the
/// submitter:
///
/// ```
/// use kernel::{
///     block::{mq::*, Op, Status},
///     prelude::*,
///     sync::{
///         atomic::{Atomic, Relaxed},
///         Arc, //
///     },
/// };
///
/// struct Counting;
///
/// #[vtable]
/// impl Operations for Counting {
///     type QueueData = KBox<Atomic<u64>>;
///     type RequestData = Atomic<u32>;
///
///     fn new_request_data() -> impl PinInit<Atomic<u32>, Error> {
///         Ok(Atomic::new(0))
///     }
///
///     fn queue_rq(
///         sectors_read: &Atomic<u64>,
///         rq: OwnedRequest<Self, Idle>,
///         _is_last: bool,
///     ) -> QueueResult<Self> {
///         if !matches!(rq.op(), Op::READ | Op::WRITE) {
///             return Err(rq.refuse(Status::NOTSUPP));
///         }
///         let rq = rq.start();
///         if rq.op() == Op::READ {
///             sectors_read.add(u64::from(rq.sectors()), Relaxed);
///         }
///         // How often this request was used.
///         rq.data().add(1, Relaxed);
///         rq.complete();
///         Ok(())
///     }
///
///     fn complete(rq: OwnedRequest<Self, Complete>) {
///         rq.end_ok();
///     }
/// }
///
/// let tag_set = Arc::pin_init(TagSet::<Counting>::new(TagSetBuilder::new()), GFP_KERNEL)?;
/// let disk = GenDiskBuilder::new()
///     .capacity_sectors(64)
///     .build(c"doctest_count", tag_set, KBox::new(Atomic::new(0), GFP_KERNEL)?)?;
/// # drop(disk);
/// # Ok::<(), Error>(())
/// ```
#[vtable]
pub trait Operations: Sized + 'static {
    /// Data of a disk, owned by the [`GenDisk`](super::GenDisk) and lent to the functions below.
    type QueueData: ForeignOwnable + Send + Sync + 'static;

    /// Data of a request, set up once for each request and reused for all its I/Os.
    ///
    /// It is shared between the owner and the references of a request, and so between CPUs.
    type RequestData: Send + Sync + 'static;

    /// Returns an initializer for the data of one request. May sleep.
    ///
    /// # Guarantees
    ///
    /// It is called for each request of a tag set when the tag set is created, and later when an
    /// I/O scheduler is attached to a disk, when the number of requests is raised, when a disk is
    /// created and when the number of hardware queues [changes](super::TagSet::resize), from any
    /// thread and in several at once. Each value is dropped exactly once.
    ///
    /// When the number of hardware queues changes no disk of the tag set carries out I/O, so that
    /// an initializer must not wait for any.
    ///
    /// # Errors
    ///
    /// An error is what a lack of memory would be to the block layer, whichever it is. That makes
    /// do with less where it can: a tag set is created with fewer requests, a disk without an I/O
    /// scheduler, and CPUs use another hardware queue. Where it can't, the operation that wanted
    /// the request fails with `ENOMEM`.
    fn new_request_data() -> impl PinInit<Self::RequestData, Error>;

    /// Prepares for a hardware queue of a disk. May sleep.
    ///
    /// `hw_queue` is its number, among those for polling, too.
    ///
    /// # Guarantees
    ///
    /// Called in process context for each hardware queue when a disk is made, and when their number
    /// [changes](super::TagSet::resize) for those that are new or move to another memory node,
    /// while no I/O of the disk is on its way. There are no calls for hardware queues that go away.
    ///
    /// # Errors
    ///
    /// Any error makes the disk fail with `ENOMEM`, or the change of the number, which then stays
    /// as it was. A hardware queue that the disk has already stays on its memory node.
    ///
    /// # Examples
    ///
    /// A device that has sixteen hardware queues, of which those are turned on that a disk uses:
    ///
    /// ```
    /// use kernel::{
    ///     block::mq::*,
    ///     prelude::*,
    ///     sync::{
    ///         atomic::{Atomic, Relaxed},
    ///         Arc, //
    ///     },
    /// };
    ///
    /// struct Sixteen;
    ///
    /// #[vtable]
    /// impl Operations for Sixteen {
    ///     /// How often a hardware queue was turned on.
    ///     type QueueData = KBox<Atomic<u32>>;
    ///     type RequestData = ();
    ///
    ///     fn new_request_data() -> impl PinInit<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn init_hctx(turned_on: &Atomic<u32>, hw_queue: u32) -> Result {
    ///         if hw_queue >= 16 {
    ///             return Err(ENODEV);
    ///         }
    ///         turned_on.add(1, Relaxed);
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rq(
    ///         _turned_on: &Atomic<u32>,
    ///         rq: OwnedRequest<Self, Idle>,
    ///         _is_last: bool,
    ///     ) -> QueueResult<Self> {
    ///         rq.start().end_ok();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let tag_set = Arc::pin_init(TagSet::<Sixteen>::new(TagSetBuilder::new()), GFP_KERNEL)?;
    /// let disk = GenDiskBuilder::new()
    ///     .capacity_sectors(64)
    ///     .build(c"doctest_hctx", tag_set, KBox::new(Atomic::new(0), GFP_KERNEL)?)?;
    /// # drop(disk);
    /// # Ok::<(), Error>(())
    /// ```
    fn init_hctx(_queue_data: BorrowedQueueData<'_, Self>, _hw_queue: u32) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes a request to work on.
    ///
    /// `is_last` is false if more requests follow at once, so that the driver can put off telling
    /// the device. If it does that, it must implement [`commit_rqs`](Self::commit_rqs), which is
    /// called instead if the requests announced do not come.
    ///
    /// # Guarantees
    ///
    /// Called in process context or in softirq context, with preemption enabled or not, and must
    /// not sleep; or, if the tag set is [for drivers that do](super::TagSetBuilder::blocking), in
    /// process context, and may sleep. Calls may overlap, except that a hardware queue which is
    /// stopped gets none. The disk is alive until the call returns, and while any of its requests
    /// is in the driver's hands.
    ///
    /// # Errors
    ///
    /// A driver that cannot take the request gives it back: see [`OwnedRequest::refuse`].
    fn queue_rq(
        queue_data: BorrowedQueueData<'_, Self>,
        rq: OwnedRequest<Self, Idle>,
        is_last: bool,
    ) -> QueueResult<Self>;

    /// Takes several requests to work on.
    ///
    /// All are of one disk, but not necessarily of one hardware queue. Requests that are left in
    /// the list, or given back to it, are handed to [`queue_rq`](Self::queue_rq) afterwards.
    ///
    /// # Guarantees
    ///
    /// As for [`queue_rq`](Self::queue_rq), in process context.
    ///
    /// # Examples
    ///
    /// A driver that ends together what was submitted together:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// struct Batching;
    ///
    /// #[vtable]
    /// impl Operations for Batching {
    ///     type QueueData = ();
    ///     type RequestData = ();
    ///
    ///     fn new_request_data() -> impl PinInit<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
    ///         rq.start().end_ok();
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rqs((): (), requests: &mut RequestList<'_, Self>) {
    ///         CompletionBatch::scope(|batch| {
    ///             for rq in requests {
    ///                 rq.start().end_batched(Status::OK, batch);
    ///             }
    ///         });
    ///     }
    /// }
    ///
    /// let tag_set = Arc::pin_init(TagSet::<Batching>::new(TagSetBuilder::new()), GFP_KERNEL)?;
    /// let disk = GenDiskBuilder::new()
    ///     .capacity_sectors(64)
    ///     .build(c"doctest_rqs", tag_set, ())?;
    /// # drop(disk);
    /// # Ok::<(), Error>(())
    /// ```
    fn queue_rqs(_queue_data: BorrowedQueueData<'_, Self>, _requests: &mut RequestList<'_, Self>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Tells the device of the requests that were taken with `is_last` false.
    ///
    /// # Guarantees
    ///
    /// Called in the same contexts as [`queue_rq`](Self::queue_rq). The requests that it is about
    /// may have ended.
    ///
    /// # Examples
    ///
    /// A driver that rings the device's bell once for all requests that come together:
    ///
    /// ```
    /// use kernel::{
    ///     block::mq::*,
    ///     prelude::*,
    ///     sync::{
    ///         atomic::{Atomic, Relaxed},
    ///         Arc, //
    ///     },
    /// };
    ///
    /// struct Ringing;
    ///
    /// #[vtable]
    /// impl Operations for Ringing {
    ///     /// How often the bell was rung.
    ///     type QueueData = KBox<Atomic<u32>>;
    ///     type RequestData = ();
    ///
    ///     fn new_request_data() -> impl PinInit<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rq(
    ///         rung: &Atomic<u32>,
    ///         rq: OwnedRequest<Self, Idle>,
    ///         is_last: bool,
    ///     ) -> QueueResult<Self> {
    ///         rq.start().end_ok();
    ///         if is_last {
    ///             Self::commit_rqs(rung);
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn commit_rqs(rung: &Atomic<u32>) {
    ///         rung.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// let tag_set = Arc::pin_init(TagSet::<Ringing>::new(TagSetBuilder::new()), GFP_KERNEL)?;
    /// let disk = GenDiskBuilder::new()
    ///     .capacity_sectors(64)
    ///     .build(c"doctest_commit", tag_set, KBox::new(Atomic::new(0), GFP_KERNEL)?)?;
    /// # drop(disk);
    /// # Ok::<(), Error>(())
    /// ```
    fn commit_rqs(_queue_data: BorrowedQueueData<'_, Self>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends a request that was passed to [`OwnedRequest::complete`].
    ///
    /// # Guarantees
    ///
    /// Called once for each call of that function, in its context or in softirq or hardirq
    /// context. It must not sleep.
    fn complete(_rq: OwnedRequest<Self, Complete>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends requests that were passed to [`RequestChain::complete`], if there are several.
    ///
    /// # Guarantees
    ///
    /// Called once for each call of that function with two requests or more, in the same contexts
    /// as [`complete`](Self::complete). It must not sleep.
    ///
    /// [`RequestChain::complete`]: super::RequestChain::complete
    fn complete_all(_requests: OwnedRequests<Self, Complete>) {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Ends the requests of a hardware queue for polling that the device is done with.
    ///
    /// The block layer polls for a request once it is [started](OwnedRequest::start).
    ///
    /// `hw_queue` is its number. Requests that have ended well are best put into `batch`. Returns
    /// how many were ended.
    ///
    /// # Guarantees
    ///
    /// Called in process context, from several threads at once, while somebody waits for an I/O
    /// that was submitted to be polled for. It must not sleep.
    ///
    /// # Examples
    ///
    /// A device with one hardware queue for polling, which is done with everything by the time that
    /// it is asked:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     new_spinlock,
    ///     prelude::*,
    ///     sync::{
    ///         Arc,
    ///         SpinLock, //
    ///     },
    /// };
    ///
    /// struct Polled;
    ///
    /// #[vtable]
    /// impl Operations for Polled {
    ///     /// What nobody has polled for yet.
    ///     type QueueData = Pin<KBox<SpinLock<RequestChain<Self>>>>;
    ///     type RequestData = ();
    ///
    ///     fn new_request_data() -> impl PinInit<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rq(
    ///         waiting: Pin<&SpinLock<RequestChain<Self>>>,
    ///         rq: OwnedRequest<Self, Idle>,
    ///         _is_last: bool,
    ///     ) -> QueueResult<Self> {
    ///         let rq = rq.start();
    ///         if rq.is_polled() {
    ///             waiting.lock().push_back(rq);
    ///         } else {
    ///             rq.end_ok();
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn poll(
    ///         waiting: Pin<&SpinLock<RequestChain<Self>>>,
    ///         _hw_queue: u32,
    ///         batch: &mut CompletionBatch<'_>,
    ///     ) -> u32 {
    ///         // Not under the lock.
    ///         let mut done = waiting.lock().take();
    ///         let mut ended = 0;
    ///         while let Some(rq) = done.pop_front() {
    ///             rq.end_batched(Status::OK, batch);
    ///             ended += 1;
    ///         }
    ///         ended
    ///     }
    /// }
    ///
    /// let builder = TagSetBuilder::new().poll_queues(1);
    /// let tag_set = Arc::pin_init(TagSet::<Polled>::new(builder), GFP_KERNEL)?;
    /// let waiting = KBox::pin_init(new_spinlock!(RequestChain::new()), GFP_KERNEL)?;
    /// let disk = GenDiskBuilder::new()
    ///     .capacity_sectors(64)
    ///     .build(c"doctest_poll", tag_set, waiting)?;
    /// # drop(disk);
    /// # Ok::<(), Error>(())
    /// ```
    fn poll(
        _queue_data: BorrowedQueueData<'_, Self>,
        _hw_queue: u32,
        _batch: &mut CompletionBatch<'_>,
    ) -> u32 {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Deals with a request that was started and not completed in time.
    ///
    /// The request may be ended by its owner on another CPU before, while and after this runs. So
    /// the driver gets a reference here, and has to win the owner from where it keeps it: with
    /// [`Request::claim`] if it was parked, with [`Request::cancel_timer`] if a timer has it, from
    /// a [`RequestChain`](super::RequestChain) if it is in one. Who finds nothing there has lost
    /// the race, or the request waits for the timer of another one, together with that: this is
    /// [`TimeoutAction::Done`], or [`TimeoutAction::Reset`] to be asked again.
    ///
    /// A driver without this function has its requests waited for however long they take.
    ///
    /// # Guarantees
    ///
    /// Called in process context, and may sleep. The reference is held for the call.
    fn timeout(_queue_data: BorrowedQueueData<'_, Self>, _rq: &Request<Self>) -> TimeoutAction {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Reports zones of a zoned disk.
    ///
    /// The driver [puts](ZoneReport::put) the zone that contains
    /// [`report.sector()`](ZoneReport::sector) and those after it, until the report [is
    /// full](ZoneReport::is_full) or the disk ends. It is called again for what there was no room
    /// for, if more is [wanted](ZoneReport::wanted), and must put nothing where the disk has ended.
    ///
    /// # Guarantees
    ///
    /// Called in process context, from several threads at once, and may sleep. The disk is alive
    /// until the call returns; it is not added yet when this is called from
    /// [`GenDiskBuilder::build`](super::GenDiskBuilder::build). I/O can be in flight, and freezing
    /// the queue waits for this function to return.
    ///
    /// # Errors
    ///
    /// Whoever asked for the zones gets the error, whatever was put.
    ///
    /// # Examples
    ///
    /// A disk of 1024 zones, all but the last of which are conventional, for the block layer wants
    /// one that is not:
    ///
    /// ```
    /// use kernel::block::{Zone, ZoneCond, ZoneReport, ZoneType};
    ///
    /// fn report_zones(report: &mut ZoneReport) -> Result {
    ///     const LEN: u64 = 1 << 13;
    ///
    ///     while !report.is_full() && report.sector() < 1024 * LEN {
    ///         let start = report.sector() / LEN * LEN;
    ///         let (zone_type, cond, wp) = if start == 1023 * LEN {
    ///             (ZoneType::SequentialRequired, ZoneCond::Empty, start)
    ///         } else {
    ///             (ZoneType::Conventional, ZoneCond::NotWp, start + LEN)
    ///         };
    ///         report.put(Zone {
    ///             start,
    ///             len: LEN,
    ///             capacity: LEN,
    ///             wp,
    ///             zone_type,
    ///             cond,
    ///         })?;
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = report_zones;
    /// ```
    fn report_zones(_queue_data: BorrowedQueueData<'_, Self>, _report: &mut ZoneReport) -> Result {
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }
}
