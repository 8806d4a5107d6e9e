// SPDX-License-Identifier: GPL-2.0

//! A request that would belong to no call in particular cannot be refused in one.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

#[cfg(right)]
type Call<'call> = Idle<'call>;
#[cfg(wrong)]
type Call<'call> = Idle<'static>;

fn submit<'call, T: Operations>(
    rq: OwnedRequest<T, Call<'call>>,
    _: &'call (),
) -> QueueResult<'call, T> {
    Err(rq.refuse(Status::RESOURCE))
}
