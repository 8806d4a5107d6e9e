// SPDX-License-Identifier: GPL-2.0

//! A request cannot be ended while its segments are iterated.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn answer<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    for segment in rq.segments() {
        if segment.zero().is_err() {
            rq.end(Status::IOERR);
            #[cfg(right)]
            return;
        }
    }
    #[cfg(right)]
    rq.end_ok();
}
