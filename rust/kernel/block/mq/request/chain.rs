// SPDX-License-Identifier: GPL-2.0

//! Requests that a driver keeps in a queue of its own.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `struct rq_list`.

use super::{
    InFlight,
    OwnedRequest,
    OwnedRequests,
    Request, //
};
use crate::{
    bindings,
    block::mq::Operations, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};

/// Owners of requests, first in first out.
///
/// The requests are linked through themselves, so that nothing is allocated and adding one cannot
/// fail. A driver keeps what it has started and not ended in a chain, under a lock of its own, or
/// gathers in one what it wants to [complete](Self::complete) together, or to end by
/// [one timer](Self::start_timer). All owners come out of it by iterating over it.
///
/// Dropping a chain drops the owners in it, which ends their requests with an error.
///
/// None of the functions sleeps.
///
/// # Invariants
///
/// `list` holds requests that are linked by `rq_next`, the last with null there, and in no other
/// list. For each the type invariants of [`OwnedRequest<T, InFlight>`] hold, with the chain in the
/// place of the owner.
///
/// # Examples
///
/// Requests that wait to be polled for:
///
/// ```
/// # use kernel::block::mq::{InFlight, Operations, OwnedRequest, Request, RequestChain};
/// use kernel::sync::SpinLock;
///
/// struct Waiting<T: Operations>(SpinLock<RequestChain<T>>);
///
/// impl<T: Operations> Waiting<T> {
///     fn add(&self, rq: OwnedRequest<T, InFlight>) {
///         self.0.lock().push_back(rq);
///     }
///
///     fn is_idle(&self) -> bool {
///         self.0.lock().is_empty()
///     }
///
///     /// For `Operations::timeout`.
///     fn take_out(&self, rq: &Request<T>) -> Option<OwnedRequest<T, InFlight>> {
///         self.0.lock().remove(rq)
///     }
///
///     fn end_all(&self) {
///         // Not under the lock.
///         let mut done = self.0.lock().take();
///         while let Some(rq) = done.pop_front() {
///             rq.end_ok();
///         }
///     }
/// }
/// ```
pub struct RequestChain<T: Operations> {
    list: bindings::rq_list,
    // Invariant in `T`: a subtype of a driver is another driver.
    _p: PhantomData<fn(T) -> T>,
}

// SAFETY: A chain stands for owners, which are `Send`.
unsafe impl<T: Operations> Send for RequestChain<T> {}

// SAFETY: `&RequestChain` only tells whether the chain is empty.
unsafe impl<T: Operations> Sync for RequestChain<T> {}

impl<T: Operations> Default for RequestChain<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Operations> RequestChain<T> {
    /// A chain with nothing in it.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: The list is empty.
        Self {
            list: bindings::rq_list {
                head: core::ptr::null_mut(),
                tail: core::ptr::null_mut(),
            },
            _p: PhantomData,
        }
    }

    /// Whether there is nothing in the chain.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.head.is_null()
    }

    /// Adds a request at the end.
    #[inline]
    pub fn push_back(&mut self, rq: OwnedRequest<T, InFlight>) {
        let rq = rq.into_raw();
        // INVARIANT: The right and the count of the owner pass to the chain.
        // SAFETY: The owner had the request, so that it is valid and the block layer has it in none
        // of its lists.
        unsafe { bindings::rq_list_add_tail(&mut self.list, rq.as_ptr().cast()) };
    }

    /// Takes the first request out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<OwnedRequest<T, InFlight>> {
        // SAFETY: By the type invariant this is a list of valid requests.
        let rq = NonNull::new(unsafe { bindings::rq_list_pop(&mut self.list) })?;
        // SAFETY: By the type invariant the right to the request and its count belonged to the
        // chain, which has it no more.
        Some(unsafe { OwnedRequest::from_raw(rq.cast()) })
    }

    /// Takes all requests out, as a chain.
    #[inline]
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// Takes one request out, wherever it is in the chain. Looks through the whole chain.
    ///
    /// Returns [`None`] if it is not there. This is for [`Operations::timeout`].
    pub fn remove(&mut self, rq: &Request<T>) -> Option<OwnedRequest<T, InFlight>> {
        let mut found = None;
        let mut rest = Self::new();
        while let Some(owner) = self.pop_front() {
            if core::ptr::eq(&*owner, rq) {
                found = Some(owner);
            } else {
                rest.push_back(owner);
            }
        }
        *self = rest;
        found
    }
}

impl<T: Operations> RequestChain<T> {
    /// Completes the requests together, through [`Operations::complete_all`], on a CPU that suits
    /// the submitter of the first one.
    ///
    /// This is for requests that were submitted together. It costs about as much as completing one
    /// of them by [`OwnedRequest::complete`], to which it is equal if there is only one.
    ///
    /// From here on the requests cannot time out. May be called from process, softirq and hardirq
    /// context. A driver without [`Operations::complete`] and [`Operations::complete_all`] does not
    /// compile if it uses this.
    ///
    /// # Examples
    ///
    /// A driver that completes together what was submitted together:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// struct Together;
    ///
    /// #[vtable]
    /// impl Operations for Together {
    ///     type QueueData = ();
    ///     type RequestData = ();
    ///
    ///     fn new_request_data() -> impl PinInit<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
    ///         rq.start().complete();
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rqs((): (), requests: &mut RequestList<'_, Self>) {
    ///         let mut chain = RequestChain::new();
    ///         for rq in requests {
    ///             chain.push_back(rq.start());
    ///         }
    ///         chain.complete();
    ///     }
    ///
    ///     fn complete(rq: OwnedRequest<Self, Complete>) {
    ///         rq.end_ok();
    ///     }
    ///
    ///     fn complete_all(requests: OwnedRequests<Self, Complete>) {
    ///         requests.end(|_| Status::OK);
    ///     }
    /// }
    ///
    /// let tag_set = Arc::pin_init(TagSet::<Together>::new(TagSetBuilder::new()), GFP_KERNEL)?;
    /// let disk = GenDiskBuilder::new()
    ///     .capacity_sectors(64)
    ///     .build(c"doctest_chain", tag_set, ())?;
    /// # drop(disk);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn complete(self) {
        const {
            assert!(
                T::HAS_COMPLETE && T::HAS_COMPLETE_ALL,
                "needs implementations of Operations::complete and Operations::complete_all"
            )
        };
        let this = ManuallyDrop::new(self);
        let Some(head) = NonNull::new(this.list.head) else {
            return;
        };
        // SAFETY: By the type invariant the request is valid and linked by this field.
        let mut rq = unsafe { (*head.as_ptr()).__bindgen_anon_1.rq_next };
        if rq.is_null() {
            // SAFETY: The right to the only request, and its count, were the chain's.
            return unsafe { OwnedRequest::<T, InFlight>::from_raw(head.cast()) }.complete();
        }
        while !rq.is_null() {
            // SAFETY: By the type invariant `rq` is valid and in flight, and the right to it is
            // ours.
            unsafe { bindings::blk_mq_set_request_complete(rq) };
            // SAFETY: As above; the requests are linked by this field, and the last has null there.
            rq = unsafe { (*rq).__bindgen_anon_1.rq_next };
        }
        // SAFETY: The first request was not completed before, so it is not on a completion list,
        // and its state is set here. The rights and counts of all requests in the chain pass to the
        // completion of the first.
        let later = unsafe { bindings::blk_mq_complete_request_remote(head.as_ptr()) };
        if !later {
            // SAFETY: The C function did not queue the request, so that all is still ours.
            unsafe { OwnedRequests::<T, _>::deliver(head.as_ptr()) };
        }
    }
}

impl<T: Operations> IntoIterator for RequestChain<T> {
    type Item = OwnedRequest<T, InFlight>;
    type IntoIter = OwnedRequests<T, InFlight>;

    #[inline]
    fn into_iter(self) -> OwnedRequests<T, InFlight> {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant the requests are linked as they have to be, and the rights
        // to them were the chain's.
        unsafe { OwnedRequests::from_raw(this.list.head) }
    }
}

impl<T: Operations> Drop for RequestChain<T> {
    #[inline]
    fn drop(&mut self) {
        while let Some(rq) = self.pop_front() {
            drop(rq);
        }
    }
}
