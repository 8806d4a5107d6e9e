// SPDX-License-Identifier: GPL-2.0

//! Any thread may drop request data, so it must be Send. (A lock's guard is Sync only: it
//! belongs to the thread that holds the lock.)
//@ error: E0277
//@ message: `*mut ()` cannot be sent between threads safely

include!("../prelude.rs");

#[cfg(right)]
type Data = Option<&'static u32>;
#[cfg(wrong)]
type Data = Option<kernel::sync::SpinLockGuard<'static, u32>>;

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        None
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
