// SPDX-License-Identifier: GPL-2.0

//! Ending requests in batches.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h), `struct io_comp_batch`.

use super::{
    OwnedRequest,
    State, //
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

/// A batch of requests, which end together. This costs less than ending each by itself.
///
/// [`OwnedRequest::end_batched`] adds a request. The requests end when the batch does. The tags of
/// those that have no other reference are then freed together.
///
/// This wraps `struct io_comp_batch`.
///
/// # Invariants
///
/// * The requests that these abstractions put into the list of `inner` came from their owners, with
///   their initial counts, and their state is complete.
/// * If the list is not empty, `inner.complete` is `blk_mq_end_request_batch()`, or a function that
///   does the same for these requests.
pub struct CompletionBatch<'a> {
    inner: &'a mut bindings::io_comp_batch,
    _p: PhantomData<NotThreadSafe>,
}

impl CompletionBatch<'_> {
    /// Calls `fill` with an empty batch, and ends the requests that it adds to the batch.
    ///
    /// May be called from process, softirq and hardirq context.
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
            // SAFETY: By the type invariants the requests in the list are owned by the batch, and
            // this function ends them.
            unsafe { bindings::blk_mq_end_request_batch(&mut inner) };
        }
        value
    }

    /// Returns true if no request waits in the batch.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.inner.req_list.head.is_null()
    }
}

impl<'a> CompletionBatch<'a> {
    /// Wraps a batch that C code owns.
    ///
    /// # Safety
    ///
    /// The owner of the batch must end the requests that are added to it, by the function that is
    /// stored in it.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(inner: &'a mut bindings::io_comp_batch) -> Self {
        // INVARIANT: By the requirements of this function. Requests that are already in the list
        // are not from these abstractions.
        Self {
            inner,
            _p: PhantomData,
        }
    }
}

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// Ends the I/O with `status` when the batch ends.
    ///
    /// From here on the request can't time out. The I/O ends at once if the request can't be in a
    /// batch: because it has failed, or an I/O scheduler has scheduled it, or it belongs to a
    /// flush.
    ///
    /// Does not sleep. May be called from process, softirq and hardirq context.
    #[inline]
    pub fn end_batched(self, status: Status, batch: &mut CompletionBatch<'_>) {
        if !status.is_ok() {
            return self.end(status);
        }
        let rq = self.into_raw();
        // SAFETY: We owned the request. If the function returns true, the ownership and the count
        // pass to the batch.
        if unsafe { bindings::blk_mq_complete_in_batch(rq, batch.inner) } {
            return;
        }
        // SAFETY: Otherwise the function did nothing, and the request and the count are still ours.
        unsafe { Self::from_raw(rq) }.end(status);
    }
}
