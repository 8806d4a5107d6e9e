// SPDX-License-Identifier: GPL-2.0

//! Completing a chain needs the function that is called for it.
//@ codegen
//@ error: E0080
//@ message: needs implementations of Operations::complete and Operations::complete_all

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        let mut chain = RequestChain::new();
        chain.push_back(rq.start());
        chain.complete();
        Ok(())
    }

    fn complete(rq: OwnedRequest<Self, Complete>) {
        rq.end_ok();
    }

    #[cfg(right)]
    fn complete_all(requests: OwnedRequests<Self, Complete>) {
        requests.end(|_| Status::OK);
    }
}
