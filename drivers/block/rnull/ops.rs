// SPDX-License-Identifier: GPL-2.0

//! What the block layer calls.

use crate::{
    completion::Completion,
    driver::{
        NullBlk,
        QueueData, //
    },
};
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
