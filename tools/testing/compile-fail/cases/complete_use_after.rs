// SPDX-License-Identifier: GPL-2.0

//! A request cannot be used after it was completed.
//@ error: E0382
//@ message: borrow of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) -> u32 {
    #[cfg(right)]
    let bytes = rq.bytes();
    rq.complete();
    #[cfg(wrong)]
    let bytes = rq.bytes();
    bytes
}
