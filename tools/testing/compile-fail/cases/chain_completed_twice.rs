// SPDX-License-Identifier: GPL-2.0

//! Requests that were completed together are no longer in the chain.
//@ error: E0382
//@ message: use of moved value: `chain`

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
        #[cfg(wrong)]
        chain.complete();
        Ok(())
    }

    fn complete(rq: OwnedRequest<Self, Complete>) {
        rq.end_ok();
    }

    fn complete_all(requests: OwnedRequests<Self, Complete>) {
        requests.end(|_| Status::OK);
    }
}
