// SPDX-License-Identifier: GPL-2.0

//! Owners of requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    Idle,
    InFlight,
    Request,
    RequestList,
    State, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Status, //
    },
    pr_warn_once,
    sync::aref::ARef, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};

/// The owner of a request: a reference to it, and the exclusive right to start, complete, end or
/// requeue it and to use its data.
///
/// A driver gets the owner from [`Operations::queue_rq`], in the state [`Idle`], and gives it up
/// through a method that consumes it. It may move the owner of a started request to another thread
/// or to an interrupt handler in between. `ARef::from(&*owner)` makes further references.
///
/// Dropping an owner is a mistake of the driver. It ends the request with [`Status::IOERR`] and
/// warns once.
///
/// # Invariants
///
/// * `rq` is the request's initial count: the one that the block layer sets when it allocates the
///   request, and drops when the request ends. So it is not dropped with this value.
/// * The block layer has handed the request to the driver, and it has not ended, been requeued or
///   refused since then. Nothing else holds the right to do that: no other owner, list or timer,
///   nor the ownership word.
/// * The request is in state `S`.
#[must_use = "dropping an owner ends the request with an error"]
pub struct OwnedRequest<T: Operations, S: State> {
    rq: ManuallyDrop<ARef<Request<T>>>,
    _state: PhantomData<S>,
}

/// A request that the driver refuses, and why: how [`Operations::queue_rq`] fails.
///
/// Made by [`OwnedRequest::refuse`].
#[must_use = "a refused request has to be returned from queue_rq"]
pub struct Refused<'call, T: Operations> {
    rq: OwnedRequest<T, Idle<'call>>,
    status: Status,
}

/// The result of [`Operations::queue_rq`]: the driver has taken the request, or refuses it with
/// [`OwnedRequest::refuse`]. `?` does not convert an [`Error`](crate::error::Error) to it.
pub type QueueResult<'call, T> = core::result::Result<(), Refused<'call, T>>;

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// Makes an owner of a C request.
    ///
    /// # Safety
    ///
    /// `rq` must be a request of a tag set of `T` that was set up, and the caller must hand over
    /// its initial count and the right to it. It must be in state `S`.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(rq: *mut bindings::request) -> Self {
        // SAFETY: By the requirements of this function the request exists, with a count for us.
        let rq = unsafe { ARef::from_raw(NonNull::new_unchecked(rq.cast())) };
        // INVARIANT: By the requirements of this function.
        Self {
            rq: ManuallyDrop::new(rq),
            _state: PhantomData,
        }
    }

    /// Gives up the owner. The initial count, and the right to the request, are the caller's.
    #[inline]
    pub(in crate::block::mq) fn into_raw(self) -> *mut bindings::request {
        ManuallyDrop::new(self).as_raw()
    }

    /// Ends the I/O with `status`.
    ///
    /// The submitter gets the status at once. The tag is free when the last reference is dropped; a
    /// [flush](crate::block::Op::FLUSH) ends for its submitter only then.
    ///
    /// This is `blk_mq_end_request()`. It calls functions of the submitter, so don't hold a lock of
    /// the driver's. It does not sleep and may be called from process, softirq and hardirq context.
    #[inline]
    pub fn end(self, status: Status) {
        // SAFETY: By the type invariant the right to end the request was ours, and so was the
        // initial count, which this call drops.
        unsafe { bindings::blk_mq_end_request(self.into_raw(), status.into_raw()) };
    }

    /// Ends the I/O with [`Status::OK`]. See [`end`](Self::end).
    #[inline]
    pub fn end_ok(self) {
        self.end(Status::OK);
    }

    /// Returns the request to the block layer, which hands it to the driver again.
    ///
    /// If `kick` is false, the request waits until another one of the disk is requeued with it. To
    /// requeue several, kick with each, or make sure that the last one is requeued.
    ///
    /// This is `blk_mq_requeue_request()`. It does not sleep and may be called from process,
    /// softirq and hardirq context.
    #[inline]
    pub fn requeue(self, kick: bool) {
        // SAFETY: By the type invariant the right to the request and its initial count were ours,
        // and go to the block layer. The queue is there while the request is on the requeue list,
        // and the call is through with the queue before it unlocks that.
        unsafe { bindings::blk_mq_requeue_request(self.into_raw(), kick) };
    }
}

impl<'call, T: Operations> OwnedRequest<T, Idle<'call>> {
    /// Starts the request: its timeout runs, and its tag leads to it.
    ///
    /// This is `blk_mq_start_request()`. It does not sleep and may be called from process, softirq
    /// and hardirq context.
    #[inline]
    pub fn start(self) -> OwnedRequest<T, InFlight> {
        let rq = self.into_raw();
        // SAFETY: By the type invariant the request is the driver's and not started, and nothing
        // else can start it.
        unsafe { bindings::blk_mq_start_request(rq) };
        // SAFETY: The right and the count of `self` pass on, and the request is started.
        unsafe { OwnedRequest::from_raw(rq) }
    }

    /// Refuses the request. The result is the error for [`Operations::queue_rq`] to return.
    ///
    /// * With [`Status::RESOURCE`] the block layer hands out the request again after a few
    ///   milliseconds at the latest. This is for a lack of memory.
    /// * With [`Status::DEV_RESOURCE`] it does so when another request of the hardware queue is
    ///   freed. One must be in flight when the driver returns. This is for a ring that is full, if
    ///   the driver knows that the ring does not drain meanwhile; otherwise use the former.
    /// * Any other status ends the request. [`Status::OK`] is no reason: the request ends with
    ///   [`Status::IOERR`].
    ///
    /// To [end](Self::end) a request with one of the first two is an error for the submitter.
    #[inline]
    pub fn refuse(self, status: Status) -> Refused<'call, T> {
        Refused { rq: self, status }
    }
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Completes the request through [`Operations::complete`], on a CPU that suits the submitter:
    /// at once, in a softirq, or on another CPU after an interrupt.
    ///
    /// From here on the request can't time out. A driver without [`Operations::complete`] does not
    /// compile if it uses this.
    ///
    /// This is `blk_mq_complete_request()`. It may call [`Operations::complete`] before it returns,
    /// so don't hold a lock that is taken there. It does not sleep and may be called from process,
    /// softirq and hardirq context.
    #[inline]
    pub fn complete(self) {
        RequestList::from(self).complete();
    }
}

impl<T: Operations, S: State> Deref for OwnedRequest<T, S> {
    type Target = Request<T>;

    #[inline]
    fn deref(&self) -> &Request<T> {
        &self.rq
    }
}

impl<T: Operations, S: State> Drop for OwnedRequest<T, S> {
    #[cold]
    fn drop(&mut self) {
        pr_warn_once!("block: a driver dropped a request without ending it\n");
        // SAFETY: By the type invariant the right to end the request is ours, and so is the initial
        // count, which this call drops. Neither is used again.
        unsafe { bindings::blk_mq_end_request(self.as_raw(), Status::IOERR.into_raw()) };
    }
}

impl<'call, T: Operations> Refused<'call, T> {
    /// The request, as if it had not been refused.
    #[inline]
    pub fn into_request(self) -> OwnedRequest<T, Idle<'call>> {
        self.rq
    }

    /// Gives up the request. The block layer takes it back with the status that this returns.
    #[inline]
    pub(in crate::block::mq) fn into_status(self) -> bindings::blk_status_t {
        core::mem::forget(self.rq);
        // The block layer takes "OK" for a request that the driver has.
        if self.status.is_ok() {
            Status::IOERR.into_raw()
        } else {
            self.status.into_raw()
        }
    }
}
