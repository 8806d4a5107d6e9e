// SPDX-License-Identifier: GPL-2.0

//! A request cannot be ended through a mutable borrow of its owner, either.
//@ error: E0507
//@ message: cannot move out of `*rq` which is behind a mutable reference

include!("../prelude.rs");

fn finish<T: Operations>(
    #[cfg(right)] rq: OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &mut OwnedRequest<T, InFlight>,
) {
    rq.end_ok();
}
