// SPDX-License-Identifier: GPL-2.0

//! The lists of two calls cannot be swapped.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn swap<'call, #[cfg(wrong)] 'other, T: Operations>(
    one: &mut RequestList<T, Idle<'call>>,
    #[cfg(right)] other: &mut RequestList<T, Idle<'call>>,
    #[cfg(wrong)] other: &mut RequestList<T, Idle<'other>>,
) {
    core::mem::swap(one, other);
}
