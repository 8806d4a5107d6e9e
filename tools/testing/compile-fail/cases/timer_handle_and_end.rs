// SPDX-License-Identifier: GPL-2.0

//! A request that its timer owns cannot be ended by who has the timer's handle, without taking
//! the owner from it.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta) {
    let handle = rq.start(delay);
    #[cfg(right)]
    let Some(rq) = handle.into_owner() else {
        return;
    };
    rq.end_ok();
}
