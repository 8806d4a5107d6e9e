// SPDX-License-Identifier: GPL-2.0

//! A segment cannot be used after its request was parked.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn answer<T: Operations>(rq: OwnedRequest<T, InFlight>) -> Result {
    let segments = rq.segments();
    #[cfg(wrong)]
    rq.park();
    for segment in segments {
        segment.zero()?;
    }
    #[cfg(right)]
    rq.park();
    Ok(())
}
