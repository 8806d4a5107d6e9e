// SPDX-License-Identifier: GPL-2.0

//! Finding requests by their tags.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `struct blk_mq_tags`.

use super::TagSet;
use crate::{
    bindings,
    block::mq::{
        Operations,
        Request, //
    },
    sync::{
        aref::ARef,
        rcu, //
    }, //
};
use core::ptr::NonNull;

impl<T: Operations> TagSet<T> {
    /// Finds the request that was started with `tag` on the hardware queue `hw_queue`.
    ///
    /// The device may report any numbers, so all are allowed. Returns a reference to the request of
    /// this tag set that has the tag and is started, or [`None`] if
    ///
    /// * there is no such hardware queue or tag, or no request was ever started with it;
    /// * the tag is free, or its request is not started;
    /// * the hardware queues [share their tags](super::TagSetBuilder::shared_tag_bitmap), and the
    ///   tag is in use on another one.
    ///
    /// The request may end or be requeued at the same moment, and may not be the one that the
    /// device means. So the reference does not permit ending it. [`Request::claim`] returns the
    /// owner, if the driver has [parked](crate::block::mq::OwnedRequest::park) it.
    ///
    /// Drop the reference before the request ends in a batch: a batch is faster for requests
    /// without other references. If the request has ended meanwhile, the reference may be the last
    /// one, and dropping it frees the request.
    ///
    /// If this finds a request, it is a full memory barrier, as `atomic_inc_not_zero()` is.
    ///
    /// May be called from process, softirq and hardirq context. It never waits. It may be called
    /// while I/O schedulers are switched, queues are frozen, and disks are added and removed.
    #[inline]
    pub fn tag_to_rq(&self, hw_queue: u32, tag: u32) -> Option<ARef<Request<T>>> {
        let _reader = rcu::read_lock();
        // SAFETY: By its type invariant the tag set is set up, and this is inside a read-side
        // critical section of RCU.
        let rq = unsafe { bindings::blk_mq_find_request(self.as_raw(), hw_queue, tag) };
        // SAFETY: The request belongs to this tag set, and so was set up with a `Pdu<T>`. The
        // function has taken a count for it, which passes to the result.
        NonNull::new(rq).map(|rq| unsafe { ARef::from_raw(rq.cast()) })
    }
}
