// SPDX-License-Identifier: GPL-2.0

//! A request cannot be used after it has ended.
//@ error: E0382
//@ message: borrow of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) -> u64 {
    #[cfg(right)]
    let sector = rq.sector();
    rq.end_ok();
    #[cfg(wrong)]
    let sector = rq.sector();
    sector
}
