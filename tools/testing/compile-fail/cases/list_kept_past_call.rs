// SPDX-License-Identifier: GPL-2.0

//! A list cannot be kept past the call that it was passed to; what was in it can.
//@ error: E0308
//@ message: method not compatible with trait; lifetime mismatch

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
        rq.start().end_ok();
        Ok(())
    }

    fn queue_rqs(
        _: (),
        #[cfg(right)] requests: &mut RequestList<'_, Self>,
        #[cfg(wrong)] requests: &'static mut RequestList<'static, Self>,
    ) {
        requests.for_each(|rq| rq.start().end_ok());
    }
}
