// SPDX-License-Identifier: GPL-2.0

//! A driver cannot ask that its requests belong to the time for which the data of the disk is lent.
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
