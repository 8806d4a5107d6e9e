// SPDX-License-Identifier: GPL-2.0

//! Parking owners in their requests, and claiming them.

use super::{
    InFlight,
    OwnedRequest,
    Request, //
};
use crate::{
    block::mq::Operations,
    sync::atomic::{
        Acquire,
        Release, //
    },
};
use core::mem::ManuallyDrop;

/// The value of the ownership word while an owner is parked without a key.
///
/// Zero stands for no owner.
const PARKED: u64 = 1;

/// The value of the ownership word while an owner is parked under `key`.
#[inline]
fn parked_under(key: u32) -> u64 {
    1 << u32::BITS | u64::from(key)
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Parks the owner in the request itself, for [`Request::claim`] to take it out.
    ///
    /// Use this for a device that reports completions by tag. [`TagSet::tag_to_rq`] finds the
    /// request, and [`Request::claim`] gives its owner to one caller. The new owner sees all that
    /// was written before, and may end the request before this returns. If nothing claims the
    /// request, its timeout must: see [`Operations::timeout`].
    ///
    /// May be called from any context.
    ///
    /// # Keys
    ///
    /// A tag alone does not distinguish an I/O from the next one with that tag. If a device
    /// completes an I/O late, after a timeout has ended it, the completion hits the I/O that has
    /// the tag by then. A driver prevents that by a key: a number that it passes to the device with
    /// the tag, and gets back with the completion. It parks the owner [under the
    /// key](Self::park_under) and claims it [by the key](Request::claim_under).
    ///
    /// A key must differ from the keys of earlier I/Os with the same tag that the device may still
    /// complete. With an I/O scheduler a tag moves from request to request. So take keys from a
    /// counter for each hardware queue or tag, not from one in the data of a request.
    ///
    /// # Examples
    ///
    /// A device with a ring for each hardware queue, and a way to ask if the device has a request:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     prelude::*,
    ///     sync::atomic::{Atomic, Relaxed},
    /// };
    /// # struct Device;
    /// # impl Device {
    /// #     fn fill_slot(&self, _hw_queue: u32, _tag: u32, _key: u32) {}
    /// #     fn ring_doorbell(&self, _hw_queue: u32) {}
    /// #     fn has(&self, _hw_queue: u32, _tag: u32) -> bool { false }
    /// # }
    ///
    /// /// For `queue_rq`.
    /// fn submit<T: Operations>(device: &Device, keys: &Atomic<u32>, rq: OwnedRequest<T, Idle<'_>>)
    /// {
    ///     let (hw_queue, tag, key) = (rq.hw_queue(), rq.tag(), keys.fetch_add(1, Relaxed));
    ///     let rq = rq.start();
    ///     // From here on `has` is true, and from `park_under` on a timeout can end the request.
    ///     device.fill_slot(hw_queue, tag, key);
    ///     rq.park_under(key);
    ///     device.ring_doorbell(hw_queue);
    /// }
    ///
    /// /// The device reports a completion.
    /// fn interrupt<T: Operations>(tag_set: &TagSet<T>, hw_queue: u32, tag: u32, key: u32) {
    ///     if let Some(rq) = tag_set.tag_to_rq(hw_queue, tag).and_then(|rq| rq.claim_under(key)) {
    ///         rq.end_ok();
    ///     }
    /// }
    ///
    /// /// An I/O that the device has forgotten fails. Others get more time.
    /// fn timeout<T: Operations>(device: &Device, rq: &Request<T>) {
    ///     let Some(rq) = rq.claim() else { return };
    ///     // The owner's tag does not change.
    ///     if device.has(rq.hw_queue(), rq.tag()) {
    ///         // A completion that comes in between finds nothing. So ask the device again later.
    ///         rq.park();
    ///     } else {
    ///         rq.end(Status::TIMEOUT);
    ///     }
    /// }
    ///
    /// /// The device was reset, and has forgotten everything.
    /// fn after_reset<T: Operations>(tag_set: &TagSet<T>) {
    ///     for hw_queue in 0..tag_set.nr_hw_queues() {
    ///         for tag in 0..tag_set.queue_depth() {
    ///             if let Some(rq) = tag_set.tag_to_rq(hw_queue, tag).and_then(|rq| rq.claim()) {
    ///                 rq.requeue(true);
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// [`TagSet::tag_to_rq`]: crate::block::mq::TagSet::tag_to_rq
    #[inline]
    pub fn park(self) {
        self.park_as(PARKED);
    }

    /// Parks the owner under `key`, for [`Request::claim_under`] or [`Request::claim`] to take it
    /// out. See "Keys" at [`park`](Self::park).
    #[inline]
    pub fn park_under(self, key: u32) {
        self.park_as(parked_under(key));
    }

    #[inline]
    fn park_as(self, word: u64) {
        // The owner's count, like the ownership, passes to the ownership word.
        let this = ManuallyDrop::new(self);
        // This store is the last access, because the request may be claimed and ended at once.
        // ORDERING: Release, paired with the Acquire in `claim` and `claim_under`: the new owner
        // sees what this one wrote.
        this.pdu().parked.store(word, Release);
    }
}

impl<T: Operations> Request<T> {
    /// Takes the parked owner, if there is one, whatever its key.
    ///
    /// If several callers claim at the same time, one gets the owner. [`None`] means that the
    /// request is not parked: it has ended, another caller has claimed it, or the driver has *not
    /// parked it yet*.
    ///
    /// May be called from any context.
    #[inline]
    pub fn claim(&self) -> Option<OwnedRequest<T, InFlight>> {
        // ORDERING: Acquire, paired with the Release in `park_as`.
        if self.pdu().parked.xchg(0, Acquire) == 0 {
            return None;
        }
        // SAFETY: Only `park_as` sets the word, and this exchange has cleared it.
        Some(unsafe { self.unpark() })
    }

    /// Takes the owner that is parked under `key`, if there is one.
    ///
    /// An owner that is parked under another key, or without one, stays parked.
    ///
    /// May be called from any context.
    #[inline]
    pub fn claim_under(&self, key: u32) -> Option<OwnedRequest<T, InFlight>> {
        let parked = &self.pdu().parked;
        // ORDERING: Acquire, paired with the Release in `park_as`.
        if parked.cmpxchg(parked_under(key), 0, Acquire).is_err() {
            return None;
        }
        // SAFETY: Only `park_as` sets the word, and this exchange has cleared it.
        Some(unsafe { self.unpark() })
    }

    /// # Safety
    ///
    /// The caller must have changed the ownership word from a value that `park_as` stored to zero.
    #[inline]
    unsafe fn unpark(&self) -> OwnedRequest<T, InFlight> {
        // SAFETY: `park_as` passed the initial count, and the ownership of the request in this
        // state, to the word. The caller has taken both from there, and nothing else can.
        unsafe { OwnedRequest::from_raw(self.as_raw()) }
    }
}
