// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot keep its list of idle requests.
//@ error: E0308
//@ message: method not compatible with trait; lifetime mismatch

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }

    #[cfg(right)]
    fn queue_rqs(_: (), requests: RequestList<Self, Idle<'_>>) -> RequestList<Self, Idle<'_>> {
        requests
    }

    #[cfg(wrong)]
    fn queue_rqs(
        _: (),
        requests: RequestList<Self, Idle<'static>>,
    ) -> RequestList<Self, Idle<'static>> {
        requests
    }
}
