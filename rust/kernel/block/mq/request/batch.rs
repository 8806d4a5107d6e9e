// SPDX-License-Identifier: GPL-2.0

//! Ending requests in batches.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h), `struct io_comp_batch`.

use super::{
    state::Started,
    OwnedRequest, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Status, //
    },
    types::NotThreadSafe, //
};
use core::marker::PhantomData;

/// Requests that are ended together, which costs less than ending each by itself.
///
/// Requests are put into it with [`OwnedRequest::end_batched`], and ended when the batch is.
///
/// This wraps `struct io_comp_batch`.
///
/// # Invariants
///
/// * The requests in the list of `inner` were handed over by their owners, with their initial
///   counts, and their state is complete.
/// * If the list is not empty, `inner.complete` is `blk_mq_end_request_batch()`, or a function that
///   does the same for these requests.
///
/// # Examples
///
/// ```
/// use kernel::block::{mq::{CompletionBatch, InFlight, Operations, OwnedRequest}, Status};
///
/// fn end_all<T: Operations>(requests: KVec<OwnedRequest<T, InFlight>>) {
///     CompletionBatch::scope(|batch| {
///         for rq in requests {
///             rq.end_batched(Status::OK, batch);
///         }
///     });
/// }
/// ```
pub struct CompletionBatch<'a> {
    inner: &'a mut bindings::io_comp_batch,
    _p: PhantomData<NotThreadSafe>,
}

impl CompletionBatch<'_> {
    /// Calls `fill` with an empty batch, and ends the requests that it has put into it.
    ///
    /// May be called from process, softirq and hardirq context. [`CompletionBatch`] has an example.
    #[inline]
    pub fn scope<V>(fill: impl FnOnce(&mut CompletionBatch<'_>) -> V) -> V {
        let mut inner = pin_init::zeroed();
        // INVARIANT: The list is empty.
        let mut batch = CompletionBatch {
            inner: &mut inner,
            _p: PhantomData,
        };
        let value = fill(&mut batch);
        if !batch.is_empty() {
            // SAFETY: By the type invariants the requests in the list are handed over, and this is
            // the function to end them.
            unsafe { bindings::blk_mq_end_request_batch(&mut inner) };
        }
        value
    }

    /// Returns whether no request waits in the batch to be ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::{mq::{CompletionBatch, InFlight, Operations, OwnedRequest}, Status};
    ///
    /// /// Ends the last of several requests; if it is the only one, a batch does not pay.
    /// fn end_last<T: Operations>(rq: OwnedRequest<T, InFlight>, batch: &mut CompletionBatch<'_>) {
    ///     if batch.is_empty() {
    ///         rq.end(Status::OK);
    ///     } else {
    ///         rq.end_batched(Status::OK, batch);
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.inner.req_list.head.is_null()
    }
}

impl<'a> CompletionBatch<'a> {
    /// Makes a batch out of one that C code has.
    ///
    /// # Safety
    ///
    /// What is put into the batch must be ended by who has handed it out, by the function that is
    /// stored in it.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(inner: &'a mut bindings::io_comp_batch) -> Self {
        // INVARIANT: By the requirements of this function; requests that are in it already are not
        // a matter of ours.
        Self {
            inner,
            _p: PhantomData,
        }
    }
}

impl<T: Operations, S: Started> OwnedRequest<T, S> {
    /// Ends the I/O with `status`, together with others in `batch`.
    ///
    /// From here on the request cannot time out. The submitter gets its answer when the batch is
    /// ended, or at once, as by [`end`](Self::end), if this request cannot be ended in a batch: it
    /// has failed, was scheduled by an I/O scheduler, or belongs to a flush, of which the submitter
    /// may have to wait for more.
    ///
    /// Does not sleep and may be called from process, softirq and hardirq context.
    /// [`CompletionBatch`] has an example.
    #[inline]
    pub fn end_batched(self, status: Status, batch: &mut CompletionBatch<'_>) {
        if status.is_ok() {
            let rq = self.into_raw();
            // SAFETY: The right to the request, which is started, was ours. If the
            // function returns true, it goes to the batch, with the count.
            if unsafe { bindings::blk_mq_complete_in_batch(rq.as_ptr().cast(), batch.inner) } {
                return;
            }
            // SAFETY: Otherwise nothing was done, and the right and the count are still ours.
            unsafe { Self::from_raw(rq) }.end(status);
        } else {
            self.end(status);
        }
    }
}
