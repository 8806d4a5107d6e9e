// SPDX-License-Identifier: GPL-2.0

//! A request that is being completed cannot be completed again.
//@ error: E0599
//@ message: no method named `complete` found for struct `OwnedRequest<Null, Complete>`

include!("../prelude.rs");

struct Null;

#[vtable]
impl Operations for Null {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().complete();
        Ok(())
    }

    fn complete(rq: OwnedRequest<Self, Complete>) {
        #[cfg(right)]
        rq.end_ok();
        #[cfg(wrong)]
        rq.complete();
    }
}
