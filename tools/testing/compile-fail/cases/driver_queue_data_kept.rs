// SPDX-License-Identifier: GPL-2.0

//! A call borrows the queue data, and cannot keep it.
//@ error: E0308
//@ message: method not compatible with trait; lifetime mismatch

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = KBox<u32>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        #[cfg(right)] _limit: &u32,
        #[cfg(wrong)] _limit: &'static u32,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
