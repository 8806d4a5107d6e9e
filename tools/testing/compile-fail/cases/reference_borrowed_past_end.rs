// SPDX-License-Identifier: GPL-2.0

//! A request that was borrowed from the owner cannot be used past the end; a counted reference
//! can.
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
