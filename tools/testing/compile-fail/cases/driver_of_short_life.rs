// SPDX-License-Identifier: GPL-2.0

//! A type with a borrow cannot be a driver, because requests may live longer than the borrow.
//@ error: E0310
//@ message: the parameter type `T` may not live long enough

include!("../prelude.rs");

struct Driver<T>(core::marker::PhantomData<T>);

#[vtable]
impl<#[cfg(right)] T: 'static, #[cfg(wrong)] T> Operations for Driver<T> {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
