// SPDX-License-Identifier: GPL-2.0

//! A segment cannot be returned without the owner.
//@ error: E0515
//@ message: cannot return value referencing function parameter `rq`

include!("../prelude.rs");

#[cfg(right)]
type Given<'a, T> = &'a OwnedRequest<T, InFlight>;
#[cfg(wrong)]
type Given<'a, T> = OwnedRequest<T, InFlight>;

fn first<'a, T: Operations>(rq: Given<'a, T>) -> Option<Segment<'a>> {
    rq.segments().next()
}
