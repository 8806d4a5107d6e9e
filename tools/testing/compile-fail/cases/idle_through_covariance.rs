// SPDX-License-Identifier: GPL-2.0

//! The lifetime of an idle request in another value cannot be shortened, although that of a
//! reference can.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

struct Named<'call, T: Operations> {
    name: &'call CStr,
    rq: OwnedRequest<T, Idle<'call>>,
}

#[cfg(right)]
type Given<'outer, 'inner, T> = Named<'inner, T>;
#[cfg(wrong)]
type Given<'outer, 'inner, T> = Named<'outer, T>;

fn submit<'outer: 'inner, 'inner, T: Operations>(
    given: Given<'outer, 'inner, T>,
    _: &'outer (),
) -> QueueResult<'inner, T> {
    let Named { name, rq }: Named<'inner, T> = given;
    if name.is_empty() {
        return Err(rq.refuse(Status::RESOURCE));
    }
    rq.start().end_ok();
    Ok(())
}
