// SPDX-License-Identifier: GPL-2.0

//! Owners of requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    Complete,
    Idle,
    InFlight,
    Request,
    State, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Status, //
    },
    pr_warn_once, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};

/// The owner of a request: the one right to start, end, complete or requeue it.
///
/// The owner comes into the driver's hands through [`Operations::queue_rq`], in the state [`Idle`],
/// and leaves them exactly once, through a method that consumes it. It may be moved to another
/// thread or into an interrupt handler in between. While it exists the request is not freed, so it
/// can be used as a [`Request`], and references can be taken from it:
///
/// ```
/// # use kernel::block::mq::{Idle, Operations, OwnedRequest, Request};
/// use kernel::sync::aref::ARef;
///
/// fn watch<T: Operations>(rq: &OwnedRequest<T, Idle>) -> ARef<Request<T>> {
///     ARef::from(&**rq)
/// }
/// ```
///
/// Dropping an owner is almost always a mistake of the driver. It ends the request with
/// [`Status::IOERR`] and warns once.
///
/// # Invariants
///
/// * `rq` points to a [`Request<T>`] for which the type invariants of [`Request`] hold.
/// * The request was handed to the driver by the block layer and is not yet ended, requeued or
///   given back. No other value, nor the ownership word of the request, nor any timer, stands for
///   the same right.
/// * The request's initial reference count belongs to this value.
/// * The request is in state `S`: it was started and not completed if `S` is [`InFlight`], and
///   completed if `S` is [`Complete`].
#[must_use = "dropping an owner ends the request with an error"]
pub struct OwnedRequest<T: Operations, S: State> {
    rq: NonNull<Request<T>>,
    _p: PhantomData<S>,
}

// SAFETY: The right to a request is not bound to a thread: drivers end requests from interrupts and
// other CPUs. `Request<T>` is `Send` and `Sync`.
unsafe impl<T: Operations, S: State> Send for OwnedRequest<T, S> {}

// SAFETY: A shared borrow of an owner gives read access to fields of the request that nobody writes
// while the owner is not consumed, and to `Request<T>`, which is `Sync`.
unsafe impl<T: Operations, S: State> Sync for OwnedRequest<T, S> {}

/// A request that the driver refused, and why.
///
/// Made by [`OwnedRequest::refuse`]; this is how [`Operations::queue_rq`] fails.
///
/// # Examples
///
/// ```
/// use kernel::block::{mq::{Idle, Operations, OwnedRequest, QueueResult}, Status};
///
/// fn take_if<T: Operations>(ready: bool, rq: OwnedRequest<T, Idle>) -> QueueResult<T> {
///     if !ready {
///         return Err(rq.refuse(Status::RESOURCE));
///     }
///     rq.start().end_ok();
///     Ok(())
/// }
/// ```
#[must_use = "a refused request has to be returned from queue_rq"]
pub struct Refused<T: Operations> {
    rq: OwnedRequest<T, Idle>,
    status: Status,
}

/// What [`Operations::queue_rq`] returns: an error carries the request that it is about.
///
/// [`Refused`] has an example.
pub type QueueResult<T> = core::result::Result<(), Refused<T>>;

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// Makes an owner out of a C request.
    ///
    /// # Safety
    ///
    /// The type invariants must hold for `rq` and `S`; in particular the caller hands over the
    /// right to the request and its initial reference count.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(rq: NonNull<Request<T>>) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            rq,
            _p: PhantomData,
        }
    }

    /// Gives up the owner without using the right. The caller must pass it on.
    #[inline]
    pub(in crate::block::mq) fn into_raw(self) -> NonNull<Request<T>> {
        ManuallyDrop::new(self).rq
    }

    /// Ends the I/O with `status`.
    ///
    /// The submitter gets its answer at once, whoever holds references to the request; the tag is
    /// free when the last of them is dropped. Only that of a [flush](crate::block::Op::FLUSH) gets
    /// no answer before that: see [`Request`](Request#flushes).
    ///
    /// This is `blk_mq_end_request()`. It does not sleep and may be called from process, softirq
    /// and hardirq context.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::{InFlight, Operations, OwnedRequest}, Status},
    ///     prelude::*, //
    /// };
    ///
    /// /// Answers a request by what has become of it.
    /// fn answer<T: Operations>(rq: OwnedRequest<T, InFlight>, result: Result) {
    ///     match result {
    ///         Ok(()) => rq.end_ok(),
    ///         Err(error) => rq.end(Status::from(error)),
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn end(self, status: Status) {
        let rq = self.into_raw();
        // SAFETY: By the type invariant we owned the right to end the request, which was handed to
        // the driver and not ended, and its initial count, which this call consumes.
        unsafe { bindings::blk_mq_end_request(rq.as_ptr().cast(), status.into_raw()) };
    }

    /// Ends the I/O as carried out. Same as [`end`](Self::end) with [`Status::OK`].
    #[inline]
    pub fn end_ok(self) {
        self.end(Status::OK);
    }

    /// Gives the request back to the block layer, which will hand it to the driver again.
    ///
    /// If `kick` is false the request waits until something else makes the block layer look at its
    /// requeue list.
    ///
    /// This is `blk_mq_requeue_request()`. It does not sleep and may be called from process,
    /// softirq and hardirq context.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     block::mq::{InFlight, Operations, OwnedRequest},
    ///     prelude::*, //
    /// };
    ///
    /// /// The device was reset and has forgotten what it had. Tries all of it again.
    /// fn try_again<T: Operations>(lost: KVec<OwnedRequest<T, InFlight>>) {
    ///     let last = lost.len().saturating_sub(1);
    ///     for (i, rq) in lost.into_iter().enumerate() {
    ///         rq.requeue(i == last);
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn requeue(self, kick: bool) {
        let rq = self.into_raw();
        // SAFETY: By the type invariant we owned the right to the request and its initial count,
        // both of which go back to the block layer with this call. The queue is there for as long
        // as the request is: what the call does with it, it does before it unlocks the requeue
        // list, which the request can't leave before that.
        unsafe { bindings::blk_mq_requeue_request(rq.as_ptr().cast(), kick) };
    }
}

impl<T: Operations> OwnedRequest<T, Idle> {
    /// Tells the block layer that work on the request begins.
    ///
    /// This starts the time-out of the request and makes it known by its tag.
    ///
    /// This is `blk_mq_start_request()`. It does not sleep and may be called from process, softirq
    /// and hardirq context.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::{Idle, Operations, OwnedRequest};
    ///
    /// /// Hands a request to the device, and returns what the device is to report in the end.
    /// fn submit<T: Operations>(rq: OwnedRequest<T, Idle>) -> (u32, u32) {
    ///     let reported = (rq.hw_queue(), rq.tag());
    ///     rq.start().park();
    ///     reported
    /// }
    /// ```
    #[inline]
    pub fn start(self) -> OwnedRequest<T, InFlight> {
        let rq = self.into_raw();
        // SAFETY: By the type invariant the request is the driver's and not started, and nobody
        // else can start it.
        unsafe { bindings::blk_mq_start_request(rq.as_ptr().cast()) };
        // SAFETY: The right and the count of `self` pass to the result, and the request is started.
        unsafe { OwnedRequest::from_raw(rq) }
    }

    /// Refuses the request; the result is the error for [`Operations::queue_rq`] to return.
    ///
    /// With [`Status::RESOURCE`] the block layer hands the request out again a few milliseconds
    /// later. With [`Status::DEV_RESOURCE`] it does so when another request of this device ends, so
    /// there must be one in flight. Any other status ends the request. [`Status::OK`] is what the
    /// block layer takes for a request that the driver has; here it ends the request with
    /// [`Status::IOERR`].
    ///
    /// [`Refused`] has an example.
    #[inline]
    pub fn refuse(self, status: Status) -> Refused<T> {
        Refused { rq: self, status }
    }
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Completes the request through [`Operations::complete`], which is called on a CPU that suits
    /// the submitter: at once, in a softirq, or on another CPU after an interrupt.
    ///
    /// From here on the request cannot time out.
    ///
    /// This is `blk_mq_complete_request()`. It does not sleep and may be called from process,
    /// softirq and hardirq context. A driver without [`Operations::complete`] does not compile if
    /// it uses this.
    ///
    /// # Examples
    ///
    /// [`Operations`] has a driver that does so. An interrupt handler, which leaves the work of
    /// ending to others:
    ///
    /// ```
    /// use kernel::block::mq::{Operations, TagSet};
    ///
    /// fn interrupt<T: Operations>(tag_set: &TagSet<T>, hw_queue: u32, tag: u32) {
    ///     if let Some(rq) = tag_set.claim(hw_queue, tag) {
    ///         rq.complete();
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn complete(self) {
        const {
            assert!(
                T::HAS_COMPLETE,
                "complete() needs an implementation of Operations::complete"
            )
        };
        let rq = self.into_raw();
        if T::HAS_COMPLETE_ALL {
            // SAFETY: The request is valid, and in none of the block layer's lists while it is the
            // driver's. It is completed alone, see `RequestChain::complete`.
            unsafe {
                (*rq.as_ptr().cast::<bindings::request>())
                    .__bindgen_anon_1
                    .rq_next = core::ptr::null_mut()
            };
        }
        // SAFETY: By the type invariant the request is started, and was not completed before, so it
        // is not on a completion list. The right and the count pass to the completion.
        let later = unsafe { bindings::blk_mq_complete_request_remote(rq.as_ptr().cast()) };
        if !later {
            // SAFETY: The C function set the state to complete and did not queue the request, so
            // the right and the count are still ours.
            T::complete(unsafe { OwnedRequest::<T, Complete>::from_raw(rq) });
        }
    }
}

impl<T: Operations, S: State> Deref for OwnedRequest<T, S> {
    type Target = Request<T>;

    #[inline]
    fn deref(&self) -> &Request<T> {
        // SAFETY: By the type invariant `rq` is valid, and its initial count, which this value
        // owns, keeps it so for as long as `self` is borrowed.
        unsafe { self.rq.as_ref() }
    }
}

impl<T: Operations, S: State> Drop for OwnedRequest<T, S> {
    #[cold]
    fn drop(&mut self) {
        pr_warn_once!("block: a driver dropped a request without ending it\n");
        // SAFETY: The value is not used again after being dropped, so the right and the count can
        // be moved out of it.
        unsafe { Self::from_raw(self.rq) }.end(Status::IOERR);
    }
}

impl<T: Operations> Refused<T> {
    /// The request, as if it had not been refused.
    ///
    /// # Examples
    ///
    /// A driver with two ways for a request, which takes the second if the first is closed:
    ///
    /// ```
    /// # use kernel::block::mq::{Idle, Operations, OwnedRequest, QueueResult, Refused};
    /// fn either<T: Operations>(
    ///     first: impl FnOnce(OwnedRequest<T, Idle>) -> QueueResult<T>,
    ///     second: impl FnOnce(OwnedRequest<T, Idle>) -> QueueResult<T>,
    ///     rq: OwnedRequest<T, Idle>,
    /// ) -> QueueResult<T> {
    ///     first(rq).or_else(|refused: Refused<T>| second(refused.into_request()))
    /// }
    /// ```
    #[inline]
    pub fn into_request(self) -> OwnedRequest<T, Idle> {
        self.rq
    }

    /// The parts: the request and the status.
    #[inline]
    pub(in crate::block::mq) fn into_parts(self) -> (OwnedRequest<T, Idle>, Status) {
        (self.rq, self.status)
    }
}
