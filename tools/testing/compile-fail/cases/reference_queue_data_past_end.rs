// SPDX-License-Identifier: GPL-2.0

//! Queue data that is borrowed from a request cannot be used after the end of the request.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn finish<T: Operations<QueueData = KBox<u32>>>(rq: OwnedRequest<T, InFlight>) -> u32 {
    let data = rq.queue_data();
    #[cfg(right)]
    let data = &{ *data };
    rq.end_ok();
    *data
}
