// SPDX-License-Identifier: GPL-2.0

//! Lists of requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `struct rq_list`.

use super::{
    Complete,
    CompletionBatch,
    Idle,
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
    ptr::null_mut, //
};

/// A list of owners of requests in state `S`, first in, first out.
///
/// The block layer passes such lists to [`Operations::queue_rqs`] and [`Operations::complete`]. A
/// driver can keep polled requests in a list, complete or end all requests of a list at once, or
/// give a list to a timer.
///
/// The requests are linked through themselves (`rq_next`), so adding one allocates nothing and
/// can't fail. The list is an iterator that takes the requests out. Dropping the list drops the
/// owners in it, which ends their requests with an error. So after a `break`, `for rq in list` ends
/// the remaining requests; `for rq in &mut list` leaves them in the list.
///
/// No method sleeps. All may be called from process, softirq and hardirq context.
///
/// # Invariants
///
/// * The requests from `head` on are linked by `rq_next`. The last has null there. They are in no
///   other list, and nothing else writes the links: the block layer has an owned request in none of
///   its lists.
/// * The type invariants of [`OwnedRequest<T, S>`] hold for each, with the list as the owner.
/// * If `head` is not null, `tail` is the last request, or null if it is not known.
#[must_use = "dropping owners ends their requests with an error"]
pub struct RequestList<T: Operations, S: State> {
    head: *mut bindings::request,
    tail: *mut bindings::request,
    _owners: PhantomData<OwnedRequest<T, S>>,
}

// SAFETY: A list consists of owners, which are `Send`.
unsafe impl<T: Operations, S: State> Send for RequestList<T, S> {}

// SAFETY: The only method on `&RequestList` returns whether the list is empty.
unsafe impl<T: Operations, S: State> Sync for RequestList<T, S> {}

/// Returns the request that follows `rq`.
///
/// # Safety
///
/// `rq` must be valid, and linked by `rq_next` or in no list.
#[inline]
unsafe fn next(rq: *mut bindings::request) -> *mut bindings::request {
    // SAFETY: By the requirements of this function.
    unsafe { (*rq).__bindgen_anon_1.rq_next }
}

/// Links `rq` to `next`.
///
/// # Safety
///
/// `rq` must be valid, and in no list but the caller's.
#[inline]
unsafe fn set_next(rq: *mut bindings::request, next: *mut bindings::request) {
    // SAFETY: By the requirements of this function.
    unsafe { (*rq).__bindgen_anon_1.rq_next = next };
}

impl<T: Operations, S: State> Default for RequestList<T, S> {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Operations, S: State> From<OwnedRequest<T, S>> for RequestList<T, S> {
    #[inline]
    fn from(rq: OwnedRequest<T, S>) -> Self {
        let mut list = Self::new();
        list.push_back(rq);
        list
    }
}

impl<T: Operations, S: State> RequestList<T, S> {
    /// Makes an empty list.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: There are no requests.
        Self {
            head: null_mut(),
            tail: null_mut(),
            _owners: PhantomData,
        }
    }

    /// Makes a list from a C list.
    ///
    /// # Safety
    ///
    /// The type invariants must hold for `list`, and the caller must give up the owners.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(list: bindings::rq_list) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            head: list.head,
            tail: list.tail,
            _owners: PhantomData,
        }
    }

    /// Makes a list of the C request `head` and the requests that are linked to it.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    #[inline]
    pub(in crate::block::mq) unsafe fn from_head(head: *mut bindings::request) -> Self {
        let tail = null_mut();
        // SAFETY: By the requirements of this function.
        unsafe { Self::from_raw(bindings::rq_list { head, tail }) }
    }

    /// Gives up the list. The owners pass to the caller.
    #[inline]
    pub(super) fn into_head(self) -> *mut bindings::request {
        ManuallyDrop::new(self).head
    }

    /// Returns true if the list is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Adds a request at the end.
    #[inline]
    pub fn push_back(&mut self, rq: OwnedRequest<T, S>) {
        // INVARIANT: The ownership and the count pass to the list, where the request becomes the
        // last one.
        let rq = rq.into_raw();
        // SAFETY: The request is valid and, because it was owned, in no list.
        unsafe { set_next(rq, null_mut()) };
        if self.head.is_null() {
            self.head = rq;
        } else {
            if self.tail.is_null() {
                self.find_tail();
            }
            // SAFETY: By the type invariant this is the last request of the list.
            unsafe { set_next(self.tail, rq) };
        }
        self.tail = rq;
    }

    /// Finds the last request of a list that is not empty.
    #[cold]
    fn find_tail(&mut self) {
        let mut rq = self.head;
        while !rq.is_null() {
            // INVARIANT: When the loop ends, this is the last request.
            self.tail = rq;
            // SAFETY: By the type invariant `rq` is valid and linked by this field.
            rq = unsafe { next(rq) };
        }
    }

    /// Takes the first request out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<OwnedRequest<T, S>> {
        let rq = self.head;
        if rq.is_null() {
            return None;
        }
        // INVARIANT: The others are linked as before.
        // SAFETY: By the type invariant `rq` is valid and linked by this field.
        self.head = unsafe { next(rq) };
        // SAFETY: By the type invariant the list owned the request and its initial count, and now
        // gives them up.
        Some(unsafe { OwnedRequest::from_raw(rq) })
    }

    /// Takes `rq` out of the list, if it is there. Walks the whole list.
    pub fn remove(&mut self, rq: &Request<T>) -> Option<OwnedRequest<T, S>> {
        let mut found = None;
        for owner in core::mem::take(self) {
            if core::ptr::eq(&*owner, rq) {
                found = Some(owner);
            } else {
                self.push_back(owner);
            }
        }
        found
    }

    /// Takes the first request out, if it is the only one.
    #[inline]
    fn pop_only(&mut self) -> Option<OwnedRequest<T, S>> {
        // SAFETY: By the type invariant `head` is valid, and linked by this field.
        if self.is_empty() || !unsafe { next(self.head) }.is_null() {
            return None;
        }
        self.pop_front()
    }

    /// Ends all requests in one batch, each with the result of `status`.
    ///
    /// A single request ends without a batch, which is cheaper.
    #[inline]
    pub fn end(mut self, mut status: impl FnMut(&OwnedRequest<T, S>) -> Status) {
        if let Some(rq) = self.pop_only() {
            let status = status(&rq);
            return rq.end(status);
        }
        self.end_in_batch(status);
    }

    // Not inlined, so that ending a single request need not save the registers that this uses.
    #[inline(never)]
    fn end_in_batch(self, mut status: impl FnMut(&OwnedRequest<T, S>) -> Status) {
        CompletionBatch::scope(|batch| {
            for rq in self {
                let status = status(&rq);
                rq.end_batched(status, batch);
            }
        });
    }
}

impl<T: Operations> RequestList<T, Idle<'_>> {
    /// Puts the requests in front of those of a C list, which then owns them.
    ///
    /// # Safety
    ///
    /// `list` must be the list that the block layer passed to the call that the requests belong to.
    #[inline]
    pub(in crate::block::mq) unsafe fn put_back(mut self, list: &mut bindings::rq_list) {
        if self.is_empty() {
            return;
        }
        if self.tail.is_null() {
            self.find_tail();
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant this is the last request of our list.
        unsafe { set_next(this.tail, list.head) };
        if list.head.is_null() {
            list.tail = this.tail;
        }
        list.head = this.head;
    }
}

impl<T: Operations> RequestList<T, InFlight> {
    /// Completes the requests together, through one call of [`Operations::complete`] on a CPU near
    /// the submitter of the first.
    ///
    /// Use this for requests that were submitted together, such as those of one call of
    /// [`Operations::queue_rqs`]. It costs about as much as completing one of them. From here on
    /// the requests can't time out. Does nothing for an empty list. Does not compile for a driver
    /// without [`Operations::complete`].
    ///
    /// This is `blk_mq_complete_request()` for the first request.
    #[inline]
    pub fn complete(self) {
        const {
            assert!(
                T::HAS_COMPLETE,
                "needs an implementation of Operations::complete"
            )
        };
        let head = self.into_head();
        if head.is_null() {
            return;
        }
        // SAFETY: By the type invariant `head` is valid and linked by this field.
        let mut rq = unsafe { next(head) };
        while !rq.is_null() {
            // SAFETY: By the type invariant `rq` is valid and in flight, and we own it.
            unsafe { bindings::blk_mq_set_request_complete(rq) };
            // SAFETY: As above.
            rq = unsafe { next(rq) };
        }
        // SAFETY: The first request is in flight, so it is in no list of completions, and the call
        // sets its state. The completion of the first owns all requests of the list.
        let later = unsafe { bindings::blk_mq_complete_request_remote(head) };
        if !later {
            // SAFETY: The call has set the state and has not queued the request, so we still own
            // them all.
            T::complete(unsafe { RequestList::<T, Complete>::from_head(head) });
        }
    }
}

impl<T: Operations, S: State> Iterator for RequestList<T, S> {
    type Item = OwnedRequest<T, S>;

    #[inline]
    fn next(&mut self) -> Option<OwnedRequest<T, S>> {
        self.pop_front()
    }
}

impl<T: Operations, S: State> Drop for RequestList<T, S> {
    #[inline]
    fn drop(&mut self) {
        while self.pop_front().is_some() {}
    }
}
