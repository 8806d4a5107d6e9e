// SPDX-License-Identifier: GPL-2.0

//! References to requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::pdu::Pdu;
use crate::{
    bindings,
    block::{
        mq::{
            vtable,
            BorrowedQueueData,
            Operations, //
        },
        AtomicStatus, //
    },
    sync::{
        aref::AlwaysRefCounted,
        atomic::{
            Atomic,
            Relaxed, //
        }, //
    },
    types::Opaque, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// A request of the block layer, through a reference: `struct request`.
///
/// Requests are reference counted by the C field `ref`. While an
/// [`ARef<Request<T>>`](crate::sync::aref::ARef) exists, the request is not freed and not recycled
/// for another I/O. Dropping the last one frees it (`__blk_mq_free_request()`). A reference may be
/// dropped in process, softirq or hardirq context, not in NMI.
///
/// A reference does not stop the owner: the I/O may end or be requeued on another CPU at any time.
/// So operation, sector and data are accessible through [`OwnedRequest`](super::OwnedRequest) only.
/// The methods here are valid in every state.
///
/// # Effects of a reference
///
/// * It keeps the request's memory, its tag and its share of the queue depth. With an I/O
///   scheduler, a request that is requeued or refused gives up its driver tag nonetheless.
/// * It keeps a use count of the queue. Removing the disk, switching its I/O scheduler and changing
///   the number of hardware queues wait until the reference is dropped. So does taking the last CPU
///   of the hardware queue offline, and with it suspending.
/// * It delays the end of a [flush](crate::block::Op::FLUSH). The submitter, and all later flushes
///   of the hardware queue, wait until the last reference is dropped.
///
/// A count that reaches two billion is pinned there, with a warning, and the request is never
/// freed.
///
/// # Invariants
///
/// For every value that safe code can access:
///
/// * The pointee is a `struct request` that belongs to the tags or the flush queues of a
///   [`TagSet<T>`](crate::block::mq::TagSet), and its private area holds an initialized `Pdu<T>`.
/// * `ref` is at least one, or negative (saturated), for the life of the borrow. So the request
///   (or, for a flush, the requests that wait for its end) keeps a use count of its queue. Until
///   that is dropped, the queue keeps its hardware queues, and its disk is not removed.
#[repr(transparent)]
pub struct Request<T: Operations> {
    inner: Opaque<bindings::request>,
    // Invariant in `T`: `for<'a> fn(&'a ())` is a subtype of `fn(&'static ())`, and both may
    // implement `Operations` with different data.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A `Request` can be dropped from any thread: dropping the last reference may run anywhere,
// and `T::RequestData` is `Send`.
unsafe impl<T: Operations> Send for Request<T> {}

// SAFETY: `&Request` gives access to `&T::RequestData` and the borrowed queue data, which are
// `Sync`, to atomics, and to fields that do not change while a reference exists.
unsafe impl<T: Operations> Sync for Request<T> {}

impl<T: Operations> Request<T> {
    /// Returns the driver's data of this request.
    ///
    /// [`Operations::new_request_data`] creates it once. All I/Os of the request use it, so a new
    /// I/O finds the values that the previous one left.
    #[inline]
    pub fn data(&self) -> &T::RequestData {
        &self.pdu().data
    }

    /// Returns a place where the driver can store the result of the I/O until it ends the request.
    ///
    /// Only the driver uses it. It is [`Status::OK`](crate::block::Status::OK) at first, and a new
    /// I/O finds the status that the previous one left.
    #[inline]
    pub fn status(&self) -> &AtomicStatus {
        &self.pdu().status
    }

    /// Returns the queue data of the disk that the request is for.
    ///
    /// The disk is not removed while the request has a reference, so this may be called anywhere:
    /// in [`Operations::complete`], in a timer, after a look-up by tag.
    #[inline]
    pub fn queue_data(&self) -> BorrowedQueueData<'_, T> {
        // SAFETY: By the type invariant the request has a queue, and its disk is not removed while
        // `self` is borrowed. `GenDisk::drop` drops the queue data after that.
        unsafe { vtable::queue_data::<T>((*self.as_raw()).q) }
    }

    /// Returns the number of the hardware queue. It does not change while the request has a
    /// reference.
    #[inline]
    pub fn hw_queue(&self) -> u32 {
        // SAFETY: By the type invariant the request keeps its hardware queue, whose number does not
        // change.
        unsafe { (*(*self.as_raw()).mq_hctx).queue_num }
    }

    /// Returns the current tag of the request, if it has one.
    ///
    /// Requeueing can change it, unless the driver owns the request ([`OwnedRequest::tag`]). This
    /// is for [`Operations::timeout`], to ask the device about a request.
    ///
    /// [`OwnedRequest::tag`]: super::OwnedRequest::tag
    #[inline]
    pub fn current_tag(&self) -> Option<u32> {
        // SAFETY: The field is valid and aligned. C writes it, if at all, as a whole.
        let tag = unsafe { Atomic::from_ptr(&raw mut (*self.as_raw()).tag) };
        u32::try_from(tag.load(Relaxed)).ok()
    }

    /// Returns the private area.
    #[inline]
    pub(super) fn pdu(&self) -> &Pdu<T> {
        // SAFETY: By the type invariant the private area holds an initialized `Pdu<T>`, which is
        // only ever borrowed shared while references to the request exist.
        unsafe { &*Pdu::of_raw(self.as_raw()) }
    }

    /// Returns the C request.
    #[inline]
    pub(in crate::block::mq) fn as_raw(&self) -> *mut bindings::request {
        self.inner.get()
    }
}

// SAFETY: `inc_ref` increments the count by which the block layer frees the request, so the request
// is not freed before the matching `dec_ref`. All requests have that count.
unsafe impl<T: Operations> AlwaysRefCounted for Request<T> {
    #[inline]
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the count of `self` is not zero.
        unsafe { bindings::blk_mq_get_request(self.as_raw()) };
    }

    #[inline]
    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a count of its own, so the request and its queue exist until
        // the call drops it.
        unsafe { bindings::blk_mq_put_request(obj.as_ptr().cast()) };
    }
}
