// SPDX-License-Identifier: GPL-2.0

//! A timer cannot take a request that was not started.
//@ error: E0599
//@ message: no method named `start_timer` found for struct `OwnedRequest<Owning, Idle>`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, Idle>, delay: Delta) {
    #[cfg(right)]
    let rq = rq.start();
    rq.start_timer(delay);
}
