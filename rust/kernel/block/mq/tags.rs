// SPDX-License-Identifier: GPL-2.0

//! From tags to requests.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `struct blk_mq_tags`.

use super::{
    request::{
        claim_at,
        Request, //
    },
    InFlight,
    Operations,
    OwnedRequest,
    TagSet, //
};
use crate::{
    bindings,
    sync::{
        aref::ARef,
        rcu, //
    }, //
};
use core::ptr::NonNull;

impl<T: Operations> TagSet<T> {
    /// Finds the request that was started with `tag` on the hardware queue `hw_queue`.
    ///
    /// Any numbers may be asked for, as a device might make up any. The result is a reference to a
    /// request of this tag set that has the tag and was started, or [`None`]:
    ///
    /// * There is no such hardware queue or tag, or no request was ever started with it.
    /// * With a [shared set of tags](super::TagSetBuilder::shared_tag_bitmap): the tag is in use on
    ///   another hardware queue.
    /// * The request that had it was freed, and the tag is free, or given to one which is not
    ///   started yet.
    ///
    /// What the reference leads to may have been ended or requeued at the same moment, and what was
    /// found may not be what the device had in mind. So this does not give the right to end the
    /// request; a driver that has parked the owner gets it by [`Request::claim`], or at once by
    /// [`claim`](Self::claim).
    ///
    /// May be called from process, softirq and hardirq context. It does not wait for anything, and
    /// may be called while I/O schedulers are switched, queues are frozen and disks come and go.
    ///
    /// # Examples
    ///
    /// A device that tells how far it is:
    ///
    /// ```
    /// use kernel::{
    ///     block::mq::{Operations, TagSet},
    ///     sync::atomic::{Atomic, Relaxed}, //
    /// };
    ///
    /// fn progress<T>(tag_set: &TagSet<T>, hw_queue: u32, tag: u32, bytes: u64)
    /// where
    ///     T: Operations<RequestData = Atomic<u64>>,
    /// {
    ///     if let Some(rq) = tag_set.tag_to_rq(hw_queue, tag) {
    ///         rq.data().store(bytes, Relaxed);
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn tag_to_rq(&self, hw_queue: u32, tag: u32) -> Option<ARef<Request<T>>> {
        let _reader = rcu::read_lock();
        // SAFETY: By its type invariant the tag set is set up, and this is inside a read-side
        // critical section of RCU.
        let rq = unsafe { bindings::blk_mq_find_request(self.as_raw(), hw_queue, tag) };
        // SAFETY: A request that is found is one of this tag set, and so was set up with a
        // `Pdu<T>`. The function has taken a count for it, which passes to the result.
        NonNull::new(rq).map(|rq| unsafe { ARef::from_raw(rq.cast()) })
    }

    /// Takes the owner that is [parked](super::OwnedRequest::park) in the request that was started
    /// with `tag` on the hardware queue `hw_queue`.
    ///
    /// This is [`tag_to_rq`](Self::tag_to_rq) and [`Request::claim`] in one. It counts no
    /// references, which saves two of three atomic operations. The one that is left is a full
    /// memory barrier if it succeeds, which an interrupt handler can make use of.
    ///
    /// Any numbers may be asked for, in any context, as there.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::{Operations, TagSet};
    ///
    /// fn completed<T: Operations>(tag_set: &TagSet<T>, hw_queue: u32, tag: u32) {
    ///     match tag_set.claim(hw_queue, tag) {
    ///         Some(rq) => rq.end_ok(),
    ///         None => pr_warn!("the device reports a tag that is not in use\n"),
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn claim(&self, hw_queue: u32, tag: u32) -> Option<OwnedRequest<T, InFlight>> {
        let _reader = rcu::read_lock();
        // SAFETY: As in `tag_to_rq`.
        let rq = unsafe { bindings::blk_mq_peek_request(self.as_raw(), hw_queue, tag) };
        // SAFETY: What is found is a request of this tag set, whose memory is there until the
        // critical section ends, and the numbers are in range.
        NonNull::new(rq).and_then(|rq| unsafe { claim_at(rq, hw_queue, tag) })
    }
}
