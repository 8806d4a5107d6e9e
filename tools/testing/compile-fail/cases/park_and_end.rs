// SPDX-License-Identifier: GPL-2.0

//! A parked request must be claimed before it can be ended.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, InFlight>, done: bool) {
    #[cfg(right)]
    let reference = ARef::from(&*rq);
    rq.park();
    if done {
        #[cfg(right)]
        let Some(rq) = reference.claim() else {
            return;
        };
        rq.end_ok();
    }
}
