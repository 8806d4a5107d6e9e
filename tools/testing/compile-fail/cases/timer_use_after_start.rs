// SPDX-License-Identifier: GPL-2.0

//! A request cannot be used after its timer owns it, because it may have ended.
//@ error: E0382
//@ message: borrow of moved value: `rq`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta) -> u64 {
    #[cfg(right)]
    let sector = rq.sector();
    RequestList::from(rq).start_timer(delay);
    #[cfg(wrong)]
    let sector = rq.sector();
    sector
}
