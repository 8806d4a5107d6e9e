// SPDX-License-Identifier: GPL-2.0

//! A request that was parked under a key must be claimed before it can be ended.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, InFlight>, key: u32, done: bool) {
    #[cfg(right)]
    let reference = ARef::from(&*rq);
    rq.park_under(key);
    if done {
        #[cfg(right)]
        let Some(rq) = reference.claim_under(key) else {
            return;
        };
        rq.end_ok();
    }
}
