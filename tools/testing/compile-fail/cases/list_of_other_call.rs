// SPDX-License-Identifier: GPL-2.0

//! A list cannot change places with the one of another call.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn mix<'a, 'b, T: Operations>(one: &mut RequestList<'a, T>, other: &mut RequestList<'b, T>) {
    #[cfg(right)]
    other.for_each(|rq| one.give_back(rq));
    #[cfg(wrong)]
    core::mem::swap(one, other);
}
