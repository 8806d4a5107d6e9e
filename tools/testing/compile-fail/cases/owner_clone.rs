// SPDX-License-Identifier: GPL-2.0

//! An owner cannot be cloned.
//@ error: E0599
//@ message: no method named `clone` found for struct `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn watch<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    #[cfg(right)]
    let other = ARef::from(&*rq);
    #[cfg(wrong)]
    let other = rq.clone();
    rq.end_ok();
    drop(other);
}
