// SPDX-License-Identifier: GPL-2.0

//! Owners of several requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    state::Started,
    Complete,
    CompletionBatch,
    InFlight,
    OwnedRequest,
    Request,
    State, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Status, //
    },
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};

/// Owners of requests that come to the driver together: those that were
/// [completed together](super::RequestChain::complete), or that
/// [one timer](Self::start_timer) has owned. A [`RequestChain`](super::RequestChain) turns into
/// this, and so does a single owner of a request in flight.
///
/// This is an iterator over the owners. Dropping it drops those that are left, which ends their
/// requests with an error.
///
/// # Invariants
///
/// `head` is null, or the first of requests that are linked by `rq_next`, the last with null there.
/// For each the type invariants of [`OwnedRequest<T, S>`] hold, with this value in the place of the
/// owner. Nobody else writes the links: the block layer has a request in none of its lists while
/// it is owned.
///
/// # Examples
///
/// ```
/// use kernel::block::{mq::{Complete, Operations, OwnedRequests}, Status};
///
/// fn complete_all<T: Operations>(requests: OwnedRequests<T, Complete>) {
///     requests.end(|_| Status::OK);
/// }
/// ```
#[must_use = "dropping owners ends their requests with an error"]
pub struct OwnedRequests<T: Operations, S: State> {
    head: *mut bindings::request,
    // Invariant in `T`: a subtype of a driver is another driver.
    _driver: PhantomData<fn(T) -> T>,
    _state: PhantomData<S>,
}

// SAFETY: This stands for owners, which are `Send`.
unsafe impl<T: Operations, S: State> Send for OwnedRequests<T, S> {}

impl<T: Operations, S: State> OwnedRequests<T, S> {
    /// Makes owners out of C requests.
    ///
    /// # Safety
    ///
    /// The type invariants must hold for `head`, and the caller hands over the rights to the
    /// requests.
    #[inline]
    pub(super) unsafe fn from_raw(head: *mut bindings::request) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            head,
            _driver: PhantomData,
            _state: PhantomData,
        }
    }

    /// Gives the owners up. Whoever gets the result has the rights to its requests.
    #[inline]
    pub(super) fn into_raw(self) -> *mut bindings::request {
        ManuallyDrop::new(self).head
    }
}

impl<T: Operations> From<OwnedRequest<T, InFlight>> for OwnedRequests<T, InFlight> {
    #[inline]
    fn from(rq: OwnedRequest<T, InFlight>) -> Self {
        let rq: *mut bindings::request = rq.into_raw().as_ptr().cast();
        // SAFETY: The request is valid, and in none of the block layer's lists while it is owned.
        unsafe { (*rq).__bindgen_anon_1.rq_next = core::ptr::null_mut() };
        // SAFETY: There is no other request, and the right to this one was the owner's.
        unsafe { Self::from_raw(rq) }
    }
}

impl<T: Operations> OwnedRequests<T, Complete> {
    /// Hands completed requests to the driver.
    ///
    /// # Safety
    ///
    /// The type invariants must hold for `head`, which is not null, and the caller hands over the
    /// rights to the requests.
    #[inline]
    pub(in crate::block::mq) unsafe fn deliver(head: *mut bindings::request) {
        // SAFETY: By the requirements of this function.
        let mut requests = unsafe { Self::from_raw(head) };
        match requests.only() {
            Some(rq) => T::complete(rq),
            None => T::complete_all(requests),
        }
    }
}

impl<T: Operations, S: State> OwnedRequests<T, S> {
    /// Takes the first owner, if there is no other.
    #[inline]
    fn only(&mut self) -> Option<OwnedRequest<T, S>> {
        // SAFETY: By the type invariant the request is valid and linked by this field.
        let rest = unsafe {
            (*NonNull::new(self.head)?.as_ptr())
                .__bindgen_anon_1
                .rq_next
        };
        if rest.is_null() {
            self.next()
        } else {
            None
        }
    }
}

impl<T: Operations, S: Started> OwnedRequests<T, S> {
    /// Ends all requests, each with what `status` says of it. Several are ended in a batch, where
    /// that can be.
    ///
    /// May be called from process, softirq and hardirq context. Does not sleep.
    ///
    /// [`OwnedRequests`] has an example.
    #[inline]
    pub fn end(mut self, mut status: impl FnMut(&Request<T>) -> Status) {
        if let Some(rq) = self.only() {
            let status = status(&rq);
            return rq.end(status);
        }
        self.end_in_batch(status);
    }

    // Not inlined, so that ending a single request does not save the registers that this needs.
    #[inline(never)]
    fn end_in_batch(self, mut status: impl FnMut(&Request<T>) -> Status) {
        CompletionBatch::scope(|batch| {
            for rq in self {
                let status = status(&rq);
                rq.end_batched(status, batch);
            }
        });
    }
}

impl<T: Operations, S: State> Iterator for OwnedRequests<T, S> {
    type Item = OwnedRequest<T, S>;

    #[inline]
    fn next(&mut self) -> Option<OwnedRequest<T, S>> {
        let rq = NonNull::new(self.head)?;
        // INVARIANT: The requests from the second on are linked as all of them were.
        // SAFETY: By the type invariant the request is valid and linked by this field.
        self.head = unsafe { (*rq.as_ptr()).__bindgen_anon_1.rq_next };
        // SAFETY: By the type invariant the right to the request was this value's, which has it no
        // more.
        Some(unsafe { OwnedRequest::from_raw(rq.cast()) })
    }
}

impl<T: Operations, S: State> Drop for OwnedRequests<T, S> {
    #[inline]
    fn drop(&mut self) {
        for rq in self {
            drop(rq);
        }
    }
}
