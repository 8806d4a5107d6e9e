// SPDX-License-Identifier: GPL-2.0

//! `queue_rq` cannot give its request and its refusal different lifetimes.
//@ error: E0195
//@ message: lifetime parameters or bounds on associated function `queue_rq` do not match the trait declaration

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    #[cfg(right)]
    fn queue_rq<'call>(
        _: (),
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.end_ok();
        Ok(())
    }

    #[cfg(wrong)]
    fn queue_rq<'call, 'other>(
        _: (),
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'other, Self> {
        rq.end_ok();
        Ok(())
    }
}
