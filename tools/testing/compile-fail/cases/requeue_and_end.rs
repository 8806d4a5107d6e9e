// SPDX-License-Identifier: GPL-2.0

//! A request that was requeued cannot be ended.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn again<T: Operations>(rq: OwnedRequest<T, InFlight>, tries: u32) {
    if tries > 0 {
        rq.requeue(true);
        #[cfg(right)]
        return;
    }
    rq.end(Status::IOERR);
}
