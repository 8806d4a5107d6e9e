// SPDX-License-Identifier: GPL-2.0

//! A list of idle requests of an outer call cannot be used as one of the inner call.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

#[cfg(right)]
type Within<'outer, 'inner> = Idle<'outer>;
#[cfg(wrong)]
type Within<'outer, 'inner> = Idle<'inner>;

fn shorten<'outer: 'inner, 'inner, T: Operations>(
    requests: RequestList<T, Idle<'outer>>,
    _: &'inner (),
) -> RequestList<T, Within<'outer, 'inner>> {
    requests
}
