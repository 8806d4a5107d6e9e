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

/// Requests that end together, which costs less than ending each by itself.
///
/// [`OwnedRequest::end_batched`] puts requests into it. They end when the batch does. The batch
/// frees the tags of those requests together that have no other reference.
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
    /// Calls `fill` with an empty batch, and ends the requests that it puts into the batch.
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
            // SAFETY: By the type invariants the requests in the list are ours to end, and this is
            // the function for it.
            unsafe { bindings::blk_mq_end_request_batch(&mut inner) };
        }
        value
    }

    /// Whether no request waits in the batch.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.inner.req_list.head.is_null()
    }
}

impl<'a> CompletionBatch<'a> {
    /// Makes a batch of one that C code has.
    ///
    /// # Safety
    ///
    /// The caller of the C code must end what is put into the batch, by the function that is stored
    /// in it.
    #[inline]
    pub(in crate::block::mq) unsafe fn from_raw(inner: &'a mut bindings::io_comp_batch) -> Self {
        // INVARIANT: By the requirements of this function. Requests that are in it already belong
        // to C code.
        Self {
            inner,
            _p: PhantomData,
        }
    }
}

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// Ends the I/O with `status`, together with others in `batch`.
    ///
    /// From here on the request can't time out. It ends with the batch, or at once if it can't be
    /// in one: it has failed, was scheduled by an I/O scheduler, or belongs to a flush.
    ///
    /// Does not sleep. May be called from process, softirq and hardirq context.
    #[inline]
    pub fn end_batched(self, status: Status, batch: &mut CompletionBatch<'_>) {
        if !status.is_ok() {
            return self.end(status);
        }
        let rq = self.into_raw();
        // SAFETY: The right to the request was ours. If the function returns true, that and the
        // count pass to the batch.
        if unsafe { bindings::blk_mq_complete_in_batch(rq, batch.inner) } {
            return;
        }
        // SAFETY: Otherwise the function did nothing, and the right and the count are still ours.
        unsafe { Self::from_raw(rq) }.end(status);
    }
}
