// SPDX-License-Identifier: GPL-2.0

//! A driver needs #[vtable], which records the functions that it implements.
//@ error: E0046
//@ message: not all trait items implemented, missing: `USE_VTABLE_ATTR`, `OwnerModule`

include!("../prelude.rs");

struct Driver;

#[cfg_attr(right, vtable)]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
