// SPDX-License-Identifier: GPL-2.0

//! The ways to complete a request.
//!
//! There is one file for each, with the same shape, and one type, by which the code of a device is
//! chosen when it is powered on. `any` stands for all of them, for devices that share their tags
//! and so must have one type.

mod any;
mod by_tag;
mod inline;
mod softirq;
mod timer;

pub(crate) use self::{
    any::Any,
    by_tag::ByTag,
    inline::Inline,
    softirq::Softirq,
    timer::Timer, //
};

use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::Counters, //
};
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest,
            RequestList,
            State,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    prelude::*,
    sync::Arc, //
};

/// A request that was carried out, and how that went.
pub(crate) type Done<T> = (OwnedRequest<T, InFlight>, Status);

/// A way to complete requests.
pub(crate) trait Completion: Sized + 'static {
    /// Whether it happens later, so that the status has to be kept with the request.
    const LATER: bool;

    /// What this way keeps with each request.
    type Data<P: Pipeline>: HasStatus + Send + Sync + 'static;

    /// What it keeps with each device.
    type Device<P: Pipeline>: Send + Sync + 'static;

    /// Returns an initializer for the data of a request.
    fn new_data<P: Pipeline>() -> impl PinInit<Self::Data<P>>;

    /// Makes the data of a device.
    fn new_device<P: Pipeline>(
        config: &Config,
        tag_set: &Arc<TagSet<NullBlk<Self, P>>>,
        faults: &Arc<Faults>,
        counters: &Arc<Counters>,
    ) -> Result<Self::Device<P>>;

    /// Completes a request.
    fn complete<P: Pipeline>(device: &Self::Device<P>, done: Done<NullBlk<Self, P>>);

    /// Completes requests that were submitted together.
    #[inline(always)]
    fn complete_all<P: Pipeline>(
        device: &Self::Device<P>,
        requests: impl Iterator<Item = Done<NullBlk<Self, P>>>,
    ) {
        for done in requests {
            Self::complete(device, done);
        }
    }
}

/// Data of a request that has a place for its status.
pub(crate) trait HasStatus {
    /// How the request went, as far as it has.
    fn status(&self) -> &AtomicStatus;
}

/// For ways of completion that keep nothing else with a request.
impl HasStatus for AtomicStatus {
    #[inline(always)]
    fn status(&self) -> &AtomicStatus {
        self
    }
}

/// Keeps the status with the request. It holds no error yet, or that the request has timed out.
#[inline(always)]
fn keep_status<T: Operations<RequestData: HasStatus>>(
    (rq, status): Done<T>,
) -> OwnedRequest<T, InFlight> {
    if !status.is_ok() {
        rq.data().status().store(status);
    }
    rq
}

/// Ends requests with the status that is kept with each.
#[inline(always)]
pub(crate) fn end_all<T, S>(requests: RequestList<T, S>)
where
    T: Operations<RequestData: HasStatus>,
    S: State,
{
    requests.end(|rq| rq.data().status().load());
}
