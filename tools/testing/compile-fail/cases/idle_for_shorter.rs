// SPDX-License-Identifier: GPL-2.0

//! An idle request of an outer call cannot be used as one of the inner call.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

#[cfg(right)]
type Within<'outer, 'inner> = Idle<'outer>;
#[cfg(wrong)]
type Within<'outer, 'inner> = Idle<'inner>;

struct Holder<T: Operations, S: State>(OwnedRequest<T, S>);

fn shorten<'outer: 'inner, 'inner, T: Operations>(
    rq: Holder<T, Idle<'outer>>,
    _: &'inner (),
) -> Holder<T, Within<'outer, 'inner>> {
    rq
}
