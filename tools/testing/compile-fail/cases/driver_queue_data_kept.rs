// SPDX-License-Identifier: GPL-2.0

//! The data of a disk is lent for a call, and cannot be kept past it.
//@ error: E0521
//@ message: borrowed data escapes outside of

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = KBox<u32>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(limit: &u32, rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        keep(limit);
        rq.start().end_ok();
        Ok(())
    }
}

#[cfg(right)]
type Kept<'a> = &'a u32;
#[cfg(wrong)]
type Kept<'a> = &'static u32;

fn keep(_: Kept<'_>) {}
