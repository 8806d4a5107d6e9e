// SPDX-License-Identifier: GPL-2.0

//! An owner cannot end its request in each iteration of a loop.
//@ error: E0382
//@ message: `rq` moved due to this method call, in previous iteration of loop

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>, tries: u32) {
    for _ in 0..tries {
        rq.end_ok();
        #[cfg(right)]
        break;
    }
}
