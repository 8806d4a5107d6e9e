// SPDX-License-Identifier: GPL-2.0

//! The owners of two requests can be swapped, but not the requests themselves.
//@ error: E0596
//@ message: cannot borrow data in dereference of `OwnedRequest<T, InFlight>` as mutable

include!("../prelude.rs");

fn swap<T: Operations>(a: &mut OwnedRequest<T, InFlight>, b: &mut OwnedRequest<T, InFlight>) {
    #[cfg(right)]
    core::mem::swap(a, b);
    #[cfg(wrong)]
    core::mem::swap(&mut **a, &mut **b);
}
