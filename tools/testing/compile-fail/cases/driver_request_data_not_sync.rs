// SPDX-License-Identifier: GPL-2.0

//! Several CPUs may access request data at once, so it must be Sync.
//@ error: E0277
//@ message: `Cell<u32>` cannot be shared between threads safely

include!("../prelude.rs");

#[cfg(right)]
type Data = kernel::sync::atomic::Atomic<u32>;
#[cfg(wrong)]
type Data = core::cell::Cell<u32>;

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        Data::new(0)
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
