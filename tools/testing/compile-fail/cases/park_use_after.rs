// SPDX-License-Identifier: GPL-2.0

//! A request cannot be used after it was parked, because it may have ended.
//@ error: E0382
//@ message: borrow of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, InFlight>) -> u32 {
    #[cfg(right)]
    let tag = rq.tag();
    rq.park();
    #[cfg(wrong)]
    let tag = rq.tag();
    tag
}
