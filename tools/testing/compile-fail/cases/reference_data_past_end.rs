// SPDX-License-Identifier: GPL-2.0

//! Request data that is borrowed from the owner cannot be used after the end.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn finish<T: Operations<RequestData = u32>>(rq: OwnedRequest<T, InFlight>) -> u32 {
    let data = rq.data();
    #[cfg(right)]
    let data = &{ *data };
    rq.end_ok();
    *data
}
