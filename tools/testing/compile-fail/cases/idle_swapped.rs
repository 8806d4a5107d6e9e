// SPDX-License-Identifier: GPL-2.0

//! The idle requests of two calls cannot be swapped.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn swap<'call, #[cfg(wrong)] 'other, T: Operations>(
    one: &mut OwnedRequest<T, Idle<'call>>,
    #[cfg(right)] other: &mut OwnedRequest<T, Idle<'call>>,
    #[cfg(wrong)] other: &mut OwnedRequest<T, Idle<'other>>,
) {
    core::mem::swap(one, other);
}
