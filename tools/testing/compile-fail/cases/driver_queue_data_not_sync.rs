// SPDX-License-Identifier: GPL-2.0

//! Several CPUs borrow the queue data at once, so it must be Sync.
//@ error: E0277
//@ message: `Cell<u32>` cannot be shared between threads safely

include!("../prelude.rs");

#[cfg(right)]
type Data = KBox<kernel::sync::atomic::Atomic<u32>>;
#[cfg(wrong)]
type Data = KBox<core::cell::Cell<u32>>;

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
