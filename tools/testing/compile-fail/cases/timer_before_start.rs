// SPDX-License-Identifier: GPL-2.0

//! A timer cannot own a request that was not started.
//@ error: E0599
//@ message: no method named `start_timer` found for struct `RequestList<Owning, Idle<'_>>`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, Idle<'_>>, delay: Delta) {
    #[cfg(right)]
    let rq = rq.start();
    RequestList::from(rq).start_timer(delay);
}
