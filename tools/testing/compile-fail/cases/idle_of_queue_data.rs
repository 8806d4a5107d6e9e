// SPDX-License-Identifier: GPL-2.0

//! A driver cannot require that its requests have the lifetime of the borrowed queue data.
//@ error: none
//@ message: `impl` item signature doesn't match `trait` item signature

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = KBox<u32>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    #[cfg(right)]
    fn queue_rq<'call>(
        _: &u32,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        Err(rq.refuse(Status::IOERR))
    }

    #[cfg(wrong)]
    fn queue_rq<'call>(
        _: &'call u32,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        Err(rq.refuse(Status::IOERR))
    }
}
