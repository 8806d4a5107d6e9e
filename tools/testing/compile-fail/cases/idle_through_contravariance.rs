// SPDX-License-Identifier: GPL-2.0

//! What takes idle requests of one call does not take those of a longer one, as a function that
//! takes references does.
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
