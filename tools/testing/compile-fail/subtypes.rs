// SPDX-License-Identifier: GPL-2.0

// Two drivers. The first is a subtype of the second: each of its values is also a value of the
// second type. Included after the prelude.

use core::marker::PhantomData;

struct Driver<F>(PhantomData<F>);
type Sub = Driver<for<'a> fn(&'a u8)>;
type Super = Driver<fn(&'static u8)>;

#[vtable]
impl Operations for Sub {
    type QueueData = KBox<u64>;
    type RequestData = u64;

    fn new_request_data() -> impl PinInit<u64> {
        0
    }

    fn queue_rq<'call>(
        _: &u64,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

#[vtable]
impl Operations for Super {
    type QueueData = KBox<&'static str>;
    type RequestData = &'static str;

    fn new_request_data() -> impl PinInit<&'static str> {
        ""
    }

    fn queue_rq<'call>(
        _: &&'static str,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

#[cfg(right)]
type Same = Sub;
#[cfg(wrong)]
type Same = Super;
