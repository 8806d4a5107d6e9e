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
/// A driver gets the owner from [`Operations::queue_rq`], in the state [`Idle`], and gives it up by
/// a method that consumes it. It may move the owner of a started request to another thread or an
/// interrupt handler. `ARef::from(&*owner)` makes a reference.
///
/// A driver must not drop an owner. Dropping it ends the request with [`Status::IOERR`] and warns
/// once.
///
/// # Invariants
///
/// * `rq` is the request's initial count, which the block layer sets when it allocates the request,
///   and drops when the request ends. So it is not dropped with this value.
/// * The block layer has passed the request to the driver. Since then the request has not been
///   ended, requeued or refused. Nothing else may do any of that: no other owner, list or timer,
///   nor the ownership word.
/// * The request is in state `S`.
#[must_use = "dropping an owner ends the request with an error"]
pub struct OwnedRequest<T: Operations, S: State> {
    rq: ManuallyDrop<ARef<Request<T>>>,
    _state: PhantomData<S>,
}

/// A request that the driver refuses, and the status: the error of [`Operations::queue_rq`].
///
/// Made by [`OwnedRequest::refuse`].
#[must_use = "a refused request must be returned from queue_rq"]
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
    /// `rq` must be a request of a tag set of `T` that was set up, and be in state `S`. The caller
    /// must own it and its initial count, and give up both.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(rq: *mut bindings::request) -> Self {
        // SAFETY: By the requirements of this function the request exists, and its count passes to
        // us.
        let rq = unsafe { ARef::from_raw(NonNull::new_unchecked(rq.cast())) };
        // INVARIANT: By the requirements of this function.
        Self {
            rq: ManuallyDrop::new(rq),
            _state: PhantomData,
        }
    }

    /// Gives up the owner. The request and its initial count pass to the caller.
    #[inline]
    pub(in crate::block::mq) fn into_raw(self) -> *mut bindings::request {
        ManuallyDrop::new(self).as_raw()
    }

    /// Ends the I/O with `status`.
    ///
    /// The submitter gets the status at once. The tag becomes free when the last reference is
    /// dropped. The submitter of a [flush](crate::block::Op::FLUSH) gets the status only then.
    ///
    /// This is `blk_mq_end_request()`. It calls functions of the submitter, so hold no lock of the
    /// driver. It does not sleep, and may be called from process, softirq and hardirq context.
    #[inline]
    pub fn end(self, status: Status) {
        // SAFETY: By the type invariant we owned the request and its initial count, which this call
        // drops.
        unsafe { bindings::blk_mq_end_request(self.into_raw(), status.into_raw()) };
    }

    /// Ends the I/O with [`Status::OK`]. See [`end`](Self::end).
    #[inline]
    pub fn end_ok(self) {
        self.end(Status::OK);
    }

    /// Returns the request to the block layer, which dispatches it to the driver again.
    ///
    /// If `kick` is false, the request waits until another request of the disk is requeued with
    /// `kick` set. To requeue several requests, set it for each, or for the one that is requeued
    /// last.
    ///
    /// This is `blk_mq_requeue_request()`. It does not sleep, and may be called from process,
    /// softirq and hardirq context.
    #[inline]
    pub fn requeue(self, kick: bool) {
        // SAFETY: By the type invariant we owned the request and its initial count, and both pass
        // to the block layer. The queue exists while the request is on the requeue list, and the
        // call does not use the queue after it has unlocked that list.
        unsafe { bindings::blk_mq_requeue_request(self.into_raw(), kick) };
    }
}

impl<'call, T: Operations> OwnedRequest<T, Idle<'call>> {
    /// Starts the request. From here on its timeout runs, and it is found by its tag.
    ///
    /// This is `blk_mq_start_request()`. It does not sleep, and may be called from process, softirq
    /// and hardirq context.
    #[inline]
    pub fn start(self) -> OwnedRequest<T, InFlight> {
        let rq = self.into_raw();
        // SAFETY: By the type invariant the driver owns the request and has not started it, and
        // nothing else can start it.
        unsafe { bindings::blk_mq_start_request(rq) };
        // SAFETY: The request and the count pass from `self`, and the request is started.
        unsafe { OwnedRequest::from_raw(rq) }
    }

    /// Refuses the request. [`Operations::queue_rq`] must return the result as its error.
    ///
    /// * With [`Status::RESOURCE`] the block layer dispatches the request again after a few
    ///   milliseconds at the latest. Use this when memory is short.
    /// * With [`Status::DEV_RESOURCE`] the block layer dispatches the request again when another
    ///   request of the hardware queue is freed. One must be in flight when the driver returns. Use
    ///   this when a ring is full, if the driver knows that the ring does not drain meanwhile;
    ///   otherwise use [`Status::RESOURCE`].
    /// * Any other status ends the request. [`Status::OK`] is not allowed: it ends the request with
    ///   [`Status::IOERR`].
    ///
    /// If a request is [ended](Self::end) with one of the first two, its submitter gets an error.
    #[inline]
    pub fn refuse(self, status: Status) -> Refused<'call, T> {
        Refused { rq: self, status }
    }
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Completes the request: calls [`Operations::complete`] on a CPU near the submitter, at once,
    /// in a softirq, or in an interrupt of that CPU.
    ///
    /// From here on the request can't time out. Does not compile for a driver without
    /// [`Operations::complete`].
    ///
    /// This is `blk_mq_complete_request()`. It may call [`Operations::complete`] before it returns,
    /// so hold no lock that is taken there. It does not sleep, and may be called from process,
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
        // SAFETY: By the type invariant we own the request and its initial count, which this call
        // drops. Neither is used again.
        unsafe { bindings::blk_mq_end_request(self.as_raw(), Status::IOERR.into_raw()) };
    }
}

impl<'call, T: Operations> Refused<'call, T> {
    /// Returns the request, as if it had not been refused.
    #[inline]
    pub fn into_request(self) -> OwnedRequest<T, Idle<'call>> {
        self.rq
    }

    /// Gives up the request. The block layer takes it back when it gets the returned status.
    #[inline]
    pub(in crate::block::mq) fn into_status(self) -> bindings::blk_status_t {
        core::mem::forget(self.rq);
        // For the block layer, "OK" means that the driver owns the request.
        if self.status.is_ok() {
            Status::IOERR.into_raw()
        } else {
            self.status.into_raw()
        }
    }
}
