// SPDX-License-Identifier: GPL-2.0

//! The ways to complete a request.
//!
//! There is one file for each, with the same shape, and one type, by which the code of a device is
//! chosen when it is powered on.

mod inline;
mod softirq;
mod timer;

pub(crate) use self::{
    inline::Inline,
    softirq::Softirq,
    timer::Timer, //
};

use crate::driver::{
    NullBlk,
    QueueData, //
};
use kernel::{
    block::mq::{
        InFlight,
        OwnedRequest,
        Request,
        RequestList,
        TimeoutAction, //
    },
    prelude::*, //
};

/// A way to complete requests.
pub(crate) trait Completion: Sized + 'static {
    /// What this way keeps with each request.
    type Data: Send + Sync + 'static;

    /// Returns an initializer for the data of a request.
    fn new_data() -> impl PinInit<Self::Data, Error>;

    /// Starts to complete a request that was carried out.
    fn complete(queue_data: &QueueData, rq: OwnedRequest<NullBlk<Self>, InFlight>);

    /// Starts to complete requests that were submitted together.
    #[inline(always)]
    fn complete_all(queue_data: &QueueData, requests: &mut RequestList<'_, NullBlk<Self>>) {
        for rq in requests {
            Self::complete(queue_data, rq.start());
        }
    }

    /// Deals with a request that is not completed in time.
    fn timeout(rq: &Request<NullBlk<Self>>) -> TimeoutAction;
}
