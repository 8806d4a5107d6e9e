// SPDX-License-Identifier: GPL-2.0

//! A request cannot be removed from a list through a shared borrow.
//@ error: E0596
//@ message: cannot borrow `*requests` as mutable, as it is behind a `&` reference

include!("../prelude.rs");

fn take_out<T: Operations>(
    #[cfg(right)] requests: &mut RequestList<T, InFlight>,
    #[cfg(wrong)] requests: &RequestList<T, InFlight>,
) -> Option<OwnedRequest<T, InFlight>> {
    requests.pop_front()
}
