// SPDX-License-Identifier: GPL-2.0

//! Any thread may remove the disk and drop the queue data, so it must be Send. (A lock's guard
//! is Sync only: it belongs to the thread that holds the lock.)
//@ error: E0277
//@ message: `*mut ()` cannot be sent between threads safely

include!("../prelude.rs");

#[cfg(right)]
type Data = KBox<&'static u32>;
#[cfg(wrong)]
type Data = KBox<kernel::sync::SpinLockGuard<'static, u32>>;

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = Data;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        _: BorrowedQueueData<'_, Self>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
