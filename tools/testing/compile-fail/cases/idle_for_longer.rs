// SPDX-License-Identifier: GPL-2.0

//! An idle request of an inner call cannot be used as one of the outer call.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

#[cfg(right)]
type Around<'outer, 'inner> = Idle<'inner>;
#[cfg(wrong)]
type Around<'outer, 'inner> = Idle<'outer>;

struct Holder<T: Operations, S: State>(OwnedRequest<T, S>);

fn lengthen<'outer: 'inner, 'inner, T: Operations>(
    rq: Holder<T, Idle<'inner>>,
    _: &'outer (),
) -> Holder<T, Around<'outer, 'inner>> {
    rq
}
