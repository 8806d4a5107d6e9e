// SPDX-License-Identifier: GPL-2.0

//! A request with a `static` lifetime cannot be refused in a call.
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
