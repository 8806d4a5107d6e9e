// SPDX-License-Identifier: GPL-2.0

//! The initialisation of request data cannot fail, because the block layer cannot always report
//! an error.
//@ error: E0277
//@ message: the trait bound `impl PinInit<Data, Error>: PinInit<Data>` is not satisfied

include!("../prelude.rs");

#[pin_data]
struct Data {
    buffer: Option<KBox<u64>>,
}

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    #[cfg(right)]
    fn new_request_data() -> impl PinInit<Data> {
        pin_init!(Data {
            buffer: KBox::new(0, GFP_KERNEL).ok(),
        })
    }

    #[cfg(wrong)]
    fn new_request_data() -> impl PinInit<Data, Error> {
        try_pin_init!(Data {
            buffer: Some(KBox::new(0, GFP_KERNEL)?),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
