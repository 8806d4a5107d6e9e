// SPDX-License-Identifier: GPL-2.0

//! A function for idle requests of one call cannot be used for those of a longer call, although
//! a function for references can.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

type Refuse<'call, T> = fn(OwnedRequest<T, Idle<'call>>) -> Status;

#[cfg(right)]
type Other<'outer, 'inner, T> = Refuse<'inner, T>;
#[cfg(wrong)]
type Other<'outer, 'inner, T> = Refuse<'outer, T>;

fn pass_for<'outer: 'inner, 'inner, T: Operations>(
    refuse: Refuse<'inner, T>,
    _: &'outer (),
) -> Other<'outer, 'inner, T> {
    refuse
}
