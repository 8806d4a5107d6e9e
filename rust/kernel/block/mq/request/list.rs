// SPDX-License-Identifier: GPL-2.0

//! Requests that are handed to a driver together.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `struct rq_list`.

use super::{
    Idle,
    OwnedRequest, //
};
use crate::{
    bindings,
    block::mq::Operations, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// Requests that are handed to a driver together, by
/// [`Operations::queue_rqs`](crate::block::mq::Operations::queue_rqs).
///
/// The driver takes them out one by one: this is an iterator. What it leaves, and what it
/// [gives back](Self::give_back), the block layer hands to it again, by
/// [`Operations::queue_rq`](crate::block::mq::Operations::queue_rq).
///
/// # Invariants
///
/// The requests in both lists were handed to the driver, not started, are of the queue `queue`, and
/// belong to this value with their initial counts.
///
/// # Examples
///
/// ```
/// # use kernel::block::{mq::{CompletionBatch, Operations, RequestList}, Status};
/// /// Ends all requests at once.
/// fn answer<T: Operations>(requests: &mut RequestList<'_, T>) {
///     CompletionBatch::scope(|batch| {
///         for rq in requests {
///             rq.start().end_batched(Status::OK, batch);
///         }
///     });
/// }
/// ```
pub struct RequestList<'a, T: Operations> {
    pending: bindings::rq_list,
    given_back: bindings::rq_list,
    queue: *mut bindings::request_queue,
    _call: PhantomData<&'a ()>,
    _driver: PhantomData<fn(T) -> T>,
}

impl<T: Operations> RequestList<'_, T> {
    /// Takes over the requests of `list`, and leaves it empty.
    ///
    /// # Safety
    ///
    /// `list` must hold at least one request, and all of them must be handed to the driver `T`, not
    /// started, and be of one queue.
    #[inline]
    pub(in crate::block::mq) unsafe fn take(list: &mut bindings::rq_list) -> Self {
        // SAFETY: The list is not empty, by the requirements of this function.
        let queue = unsafe { (*list.head).q };
        // INVARIANT: By the requirements of this function.
        Self {
            pending: core::mem::replace(list, pin_init::zeroed()),
            given_back: pin_init::zeroed(),
            queue,
            _call: PhantomData,
            _driver: PhantomData,
        }
    }

    /// Puts what is left in front of what `list` holds.
    #[inline]
    pub(in crate::block::mq) fn put(mut self, list: &mut bindings::rq_list) {
        if self.pending.head.is_null() && self.given_back.head.is_null() {
            return;
        }
        let mut added = core::mem::replace(
            list,
            core::mem::replace(&mut self.given_back, pin_init::zeroed()),
        );
        for rest in [&mut self.pending, &mut added] {
            // SAFETY: All three are valid lists of requests that nobody else has in a list.
            while let Some(rq) = NonNull::new(unsafe { bindings::rq_list_pop(rest) }) {
                // SAFETY: As above.
                unsafe { bindings::rq_list_add_tail(list, rq.as_ptr()) };
            }
        }
    }

    /// The queue of the requests.
    #[inline]
    pub(in crate::block::mq) fn queue(&self) -> *mut bindings::request_queue {
        self.queue
    }

    /// Gives a request back, for the block layer to hand it out again by
    /// [`Operations::queue_rq`](crate::block::mq::Operations::queue_rq) when this call has
    /// returned.
    ///
    /// Does not sleep.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::{mq::{Operations, RequestList}, Op};
    ///
    /// /// Ends writes at once, and leaves all else to `queue_rq`.
    /// fn answer_writes<T: Operations>(requests: &mut RequestList<'_, T>) {
    ///     while let Some(rq) = requests.next() {
    ///         if rq.op() == Op::WRITE {
    ///             rq.start().end_ok();
    ///         } else {
    ///             requests.give_back(rq);
    ///         }
    ///     }
    /// }
    /// ```
    pub fn give_back(&mut self, rq: OwnedRequest<T, Idle>) {
        // SAFETY: The request is valid.
        if unsafe { (*rq.as_raw()).q } != self.queue {
            // It is not one of these, but one of another disk that the driver has kept.
            rq.requeue(true);
            return;
        }
        let rq = rq.into_raw();
        // SAFETY: The owner of the request is given up to the list, and it is in no other list
        // while the driver has it.
        unsafe { bindings::rq_list_add_tail(&mut self.given_back, rq.as_ptr().cast()) };
    }
}

impl<T: Operations> Iterator for RequestList<'_, T> {
    type Item = OwnedRequest<T, Idle>;

    #[inline]
    fn next(&mut self) -> Option<OwnedRequest<T, Idle>> {
        // Each list has an end, for which no call is needed.
        if self.pending.head.is_null() {
            return None;
        }
        // SAFETY: By the type invariant this is a list of requests that belong to this value.
        let rq = unsafe { bindings::rq_list_pop(&mut self.pending) };
        // SAFETY: The request was handed to the driver, not started, and belonged to the list with
        // its initial count; now it belongs to the owner.
        NonNull::new(rq).map(|rq| unsafe { OwnedRequest::from_raw(rq.cast()) })
    }
}
