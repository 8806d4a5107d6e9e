// SPDX-License-Identifier: GPL-2.0

//! A request cannot be ended through a borrow of its owner.
//@ error: E0507
//@ message: cannot move out of `*rq` which is behind a shared reference

include!("../prelude.rs");

fn finish<T: Operations>(
    #[cfg(right)] rq: OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &OwnedRequest<T, InFlight>,
) {
    rq.end_ok();
}
