// SPDX-License-Identifier: GPL-2.0

//! Parking an owner in its request.

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
use core::ptr::NonNull;

/// The ownership word while an owner is parked. It is zero otherwise.
pub(super) const PARKED: u32 = 1;

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
    /// [`OwnedRequest::start`] has an example, and [`TagSet::tag_to_rq`] is its other half.
    ///
    /// [`TagSet::tag_to_rq`]: crate::block::mq::TagSet::tag_to_rq
    #[inline]
    pub fn park(self) {
        let rq = self.into_raw();
        // SAFETY: `self` held a count for `rq`. That count, like the right to the request, now
        // belongs to the ownership word, and nobody can take it from there before the store below,
        // which is the last access.
        let pdu = unsafe { rq.as_ref() }.pdu();
        // ORDERING: Release, so that whoever claims the request (Acquire) sees what the owner
        // wrote.
        pdu.parked.store(PARKED, Release);
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
        if self.pdu().parked.xchg(0, Acquire) != PARKED {
            return None;
        }
        // SAFETY: The word was set by `park`, which consumed an owner in the state in flight, and
        // only one exchange can have found it set, so the owner's right and count are ours.
        Some(unsafe { OwnedRequest::from_raw(NonNull::from(self)) })
    }
}
