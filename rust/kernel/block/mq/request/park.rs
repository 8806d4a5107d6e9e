// SPDX-License-Identifier: GPL-2.0

//! Parking an owner in its request.

use super::{
    pdu::Pdu,
    InFlight,
    OwnedRequest,
    Request, //
};
use crate::{
    bindings,
    block::mq::{
        Operations,
        TagSetBuilder, //
    },
    sync::atomic::{
        Acquire,
        Full,
        Release, //
    },
};
use core::ptr::NonNull;

/// How many bits of a [`place`] are for the tag.
const TAG_BITS: u32 = 14;
const _: () = assert!(bindings::BLK_MQ_MAX_DEPTH <= 1 << TAG_BITS);

/// The value of the ownership word while the owner of a request that has `tag` on the hardware
/// queue `hw_queue` is parked. It is not zero, which stands for no owner.
///
/// Both numbers are those of a request, so that other numbers have other values: there are
/// [`BLK_MQ_MAX_DEPTH`](bindings::BLK_MQ_MAX_DEPTH) tags at most, and a hardware queue for each CPU
/// and one for each of [`TagSetBuilder::MAX_POLL_QUEUES`].
#[inline]
fn place(hw_queue: u32, tag: u32) -> u32 {
    (hw_queue << TAG_BITS | tag) + 1
}
const _: () = {
    let hw_queues = bindings::NR_CPUS as u64 + TagSetBuilder::MAX_POLL_QUEUES as u64;
    assert!(hw_queues < 1 << (u32::BITS - TAG_BITS));
};

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Parks the owner in the request itself, for [`Request::claim`] to take it out.
    ///
    /// This is for drivers that hand a request to a device and hear of it again only by its tag.
    /// Everything written before is seen by the one who claims the request. The request may be
    /// claimed and ended before this returns.
    ///
    /// A request that is parked and never claimed ends no sooner than
    /// [`Operations::timeout`] claims it.
    ///
    /// May be called from any context.
    ///
    /// [`OwnedRequest::start`] has an example, and [`TagSet::claim`] is its other half.
    ///
    /// [`TagSet::claim`]: crate::block::mq::TagSet::claim
    #[inline]
    pub fn park(self) {
        let place = place(self.hw_queue(), self.tag());
        let rq = self.into_raw();
        // SAFETY: `self` held a count for `rq`. That count, like the right to the request, now
        // belongs to the ownership word, and nobody can take it from there before the store below,
        // which is the last access.
        let pdu = unsafe { rq.as_ref() }.pdu();
        // ORDERING: Release, so that whoever claims the request (Acquire) sees what the owner
        // wrote.
        pdu.parked.store(place, Release);
    }
}

impl<T: Operations> Request<T> {
    /// Takes the parked owner, if there is one.
    ///
    /// Of several callers at the same time, one gets the owner. The others get [`None`], as does
    /// everyone whose request is not parked: it was claimed already, or has ended, or was never
    /// parked.
    ///
    /// May be called from any context.
    ///
    /// # Examples
    ///
    /// A time-out handler that ends what the device has not answered:
    ///
    /// ```
    /// use kernel::block::{mq::{Operations, Request, TimeoutAction}, Status};
    ///
    /// fn timeout<T: Operations>(rq: &Request<T>) -> TimeoutAction {
    ///     if let Some(rq) = rq.claim() {
    ///         rq.end(Status::TIMEOUT);
    ///     }
    ///     // Otherwise the interrupt handler has claimed it, and will end it.
    ///     TimeoutAction::Done
    /// }
    /// ```
    #[inline]
    pub fn claim(&self) -> Option<OwnedRequest<T, InFlight>> {
        // ORDERING: Acquire, paired with the Release in `park`.
        if self.pdu().parked.xchg(0, Acquire) == 0 {
            return None;
        }
        // SAFETY: The word was set by `park`, which consumed an owner in the state in flight, and
        // only one exchange can have found it set, so the owner's right and count are ours.
        Some(unsafe { OwnedRequest::from_raw(NonNull::from(self)) })
    }
}

/// Takes the owner that is parked in `rq`, if that is a request which has `tag` on the hardware
/// queue `hw_queue`.
///
/// # Safety
///
/// * `rq` must point to a request of a tag set that was set up for `T`. The memory of it and of its
///   private area must not go away before this returns.
/// * `hw_queue` must be a hardware queue of the tag set, and `tag` one of its tags.
#[inline]
pub(in crate::block::mq) unsafe fn claim_at<T: Operations>(
    rq: NonNull<bindings::request>,
    hw_queue: u32,
    tag: u32,
) -> Option<OwnedRequest<T, InFlight>> {
    // SAFETY: `rq` is a request of such a tag set.
    let pdu = unsafe { Pdu::<T>::of_raw(rq.as_ptr()) };
    // SAFETY: The memory is there. The word in it is set when the request is set up, before it can
    // be found, and is never dropped nor written but by atomic operations after that. There is no
    // reference to the rest of the private area, which may be gone.
    let parked = unsafe { &(*pdu).parked };
    // ORDERING: At least Acquire, paired with the Release in `park`. Full, as `TagSet::claim` says.
    if parked.cmpxchg(place(hw_queue, tag), 0, Full).is_err() {
        return None;
    }
    // SAFETY: The word was set by `park`, which consumed an owner in the state in flight that had
    // this tag on this hardware queue; it keeps both while it is in flight. Only one exchange can
    // have found the word so, so the owner's right and count are ours.
    Some(unsafe { OwnedRequest::from_raw(rq.cast()) })
}
