// SPDX-License-Identifier: GPL-2.0

//! A reference that is borrowed from the owner cannot be used after the end; a counted one can.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn finish<T: Operations<RequestData = u32>>(rq: OwnedRequest<T, InFlight>) -> u32 {
    #[cfg(right)]
    let reference = ARef::from(&*rq);
    #[cfg(wrong)]
    let reference = &*rq;
    rq.end_ok();
    *reference.data()
}
