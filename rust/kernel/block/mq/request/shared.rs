// SPDX-License-Identifier: GPL-2.0

//! References to requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::pdu::Pdu;
use crate::{
    bindings,
    block::mq::Operations,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// A request of the block layer, as it can be seen through a mere reference.
///
/// This wraps `struct request`. It is reference counted on the C field `ref`: while an
/// [`ARef<Request<T>>`](crate::sync::aref::ARef) exists, the request is not freed, and its memory
/// is not used for another I/O. Dropping the last one frees the request, in whatever context that
/// is: process, softirq or hardirq, but not NMI.
///
/// A reference does not tell how far the I/O has come, and on another CPU its owner may end or
/// requeue it at any time. So all that can be reached from here is the driver's own data; what
/// belongs to the I/O (operation, sector, tag, data) is a matter of the owner,
/// [`OwnedRequest`](super::OwnedRequest).
///
/// References can be cloned without limit. Should someone leak two billion of them, the count stops
/// with a warning and the request is leaked.
///
/// # Flushes
///
/// Of a [flush](crate::block::Op::FLUSH) the last reference does more: the block layer goes on with
/// what waits for the flush when the request's count is zero. So whoever holds a reference to one
/// keeps its submitter waiting, also after it was ended.
///
/// # Tags
///
/// While there is a reference, the request's tag is not used for another I/O as long as the request
/// has it, which is until it is freed. But with an I/O scheduler the request gets a tag for each
/// time that it is handed to the driver, and gives it up when it is requeued, when it is refused
/// for lack of something, and when it ends as a write that comes with a flush. What it keeps then
/// is a tag of the scheduler's, which the driver does not get to see.
///
/// # Invariants
///
/// For every value that safe code can reach:
///
/// * The pointee is a `struct request` that belongs to the tags or the flush queues of a
///   [`TagSet<T>`](crate::block::mq::TagSet), and its private area holds an initialized `Pdu<T>`.
/// * `ref` is at least one, or negative (saturated), for the life of the borrow.
///
/// # Examples
///
/// A list of requests that were looked at. It keeps none of them from being ended, but all of them
/// from being used again:
///
/// ```
/// use kernel::{
///     block::mq::{InFlight, Operations, OwnedRequest, Request},
///     prelude::*,
///     sync::aref::ARef, //
/// };
///
/// fn end<T: Operations>(
///     seen: &mut KVec<ARef<Request<T>>>,
///     rq: OwnedRequest<T, InFlight>,
/// ) -> Result {
///     let reference = ARef::from(&*rq);
///     rq.end_ok();
///     // The I/O is done. What is left is the driver's own data.
///     let _ = reference.data();
///     seen.push(reference, GFP_KERNEL)?;
///     Ok(())
/// }
/// ```
#[repr(transparent)]
pub struct Request<T: Operations> {
    inner: Opaque<bindings::request>,
    // Invariant in `T`, because of the projection: a subtype of a driver is another driver, with
    // other types of data.
    _p: PhantomData<T::RequestData>,
}

// SAFETY: A `Request` can be dropped from any thread: dropping the last reference may run anywhere,
// and `T::RequestData` is `Send`.
unsafe impl<T: Operations> Send for Request<T> {}

// SAFETY: All that `&Request` gives access to is `&T::RequestData`, which is `Sync`, the reference
// count, which is atomic, and the ownership word, which is atomic.
unsafe impl<T: Operations> Sync for Request<T> {}

impl<T: Operations> Request<T> {
    /// The driver's data for this request.
    ///
    /// It is created by [`Operations::new_request_data`] when the request is first set up, and
    /// lives through all the I/Os that the request is used for; it is dropped with the tag set, or
    /// with the I/O scheduler that the request was set up for. What the last I/O has left there is
    /// what the next one finds.
    ///
    /// [`Operations`] has an example.
    #[inline]
    pub fn data(&self) -> &T::RequestData {
        &self.pdu().data
    }

    /// The private area.
    #[inline]
    pub(super) fn pdu(&self) -> &Pdu<T> {
        // SAFETY: By the type invariant the private area holds an initialized `Pdu<T>`, which is
        // only ever borrowed shared while references to the request exist.
        unsafe { &*Pdu::of_raw(self.as_raw()) }
    }

    /// The C request.
    #[inline]
    pub(in crate::block::mq) fn as_raw(&self) -> *mut bindings::request {
        self.inner.get()
    }
}

// SAFETY: `inc_ref` increments the count that the block layer itself frees the request by, so the
// request is not freed before the matching `dec_ref`. All requests have that count.
unsafe impl<T: Operations> AlwaysRefCounted for Request<T> {
    #[inline]
    fn inc_ref(&self) {
        // SAFETY: By the type invariant `self` is live, that is, its count is not zero.
        unsafe { bindings::blk_mq_get_request(self.as_raw()) };
    }

    #[inline]
    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a count of its own, so the request is live at this point, and
        // does not use it afterwards. `rq` and its queue are not freed while the count is held:
        // every request that is in use holds its queue's usage counter.
        unsafe { bindings::blk_mq_put_request(obj.as_ptr().cast()) };
    }
}
