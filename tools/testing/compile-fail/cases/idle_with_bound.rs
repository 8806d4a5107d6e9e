// SPDX-License-Identifier: GPL-2.0

//! A driver cannot require, by a bound on the lifetime, that its requests belong to all calls.
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
        Err(rq.refuse(Status::IOERR))
    }

    #[cfg(wrong)]
    fn queue_rq<'call>(
        _: (),
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self>
    where
        'call: 'static,
    {
        Err(rq.refuse(Status::IOERR))
    }
}
