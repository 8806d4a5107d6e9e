// SPDX-License-Identifier: GPL-2.0

//! Nothing can be asked of a request that was passed on to be completed.
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
