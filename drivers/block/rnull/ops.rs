// SPDX-License-Identifier: GPL-2.0

//! What the block layer calls.

use crate::completion::Completion;
use core::marker::PhantomData;
use kernel::{
    block::mq::{
        self,
        Idle,
        Operations,
        OwnedRequest,
        QueueResult,
        Request,
        RequestList,
        TimeoutAction, //
    },
    prelude::*, //
};

/// The driver, for devices that complete their requests by `C`.
pub(crate) struct NullBlk<C>(PhantomData<C>);

/// What is the same for all requests of a device.
pub(crate) struct QueueData {
    /// How long a request takes, in nanoseconds.
    pub(crate) completion_nsec: i64,
}

#[vtable]
impl<C: Completion> Operations for NullBlk<C> {
    type QueueData = KBox<QueueData>;
    type RequestData = C::Data;

    fn new_request_data() -> impl PinInit<C::Data, Error> {
        C::new_data()
    }

    #[inline(always)]
    fn queue_rq(
        queue_data: &QueueData,
        rq: OwnedRequest<Self, Idle>,
        _is_last: bool,
    ) -> QueueResult<Self> {
        C::complete(queue_data, rq.start());
        Ok(())
    }

    #[inline(always)]
    fn queue_rqs(queue_data: &QueueData, requests: &mut RequestList<'_, Self>) {
        C::complete_all(queue_data, requests);
    }

    #[inline(always)]
    fn complete(rq: OwnedRequest<Self, mq::Complete>) {
        rq.end_ok();
    }

    fn timeout(rq: &Request<Self>) -> TimeoutAction {
        C::timeout(rq)
    }
}
