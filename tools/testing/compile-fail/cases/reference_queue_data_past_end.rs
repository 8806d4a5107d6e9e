// SPDX-License-Identifier: GPL-2.0

//! The driver's data for a disk cannot be used past the end of the request that it was borrowed
//! from.
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
