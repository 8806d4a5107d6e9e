// SPDX-License-Identifier: GPL-2.0

//! `timeout` cannot keep the reference that it borrows; a counted one can be kept.
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

    fn timeout(_: (), #[cfg(right)] rq: &Request<Self>, #[cfg(wrong)] rq: &'static Request<Self>) {
        rq.data();
    }
}
