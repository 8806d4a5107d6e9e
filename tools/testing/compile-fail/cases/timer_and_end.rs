// SPDX-License-Identifier: GPL-2.0

//! A request that its timer owns is ended by the timer, or has to be taken from it.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta, done: bool) {
    #[cfg(right)]
    let reference = ARef::from(&*rq);
    rq.start_timer(delay);
    if done {
        #[cfg(right)]
        let Some(rq) = reference.cancel_timer() else {
            return;
        };
        rq.end_ok();
    }
}
