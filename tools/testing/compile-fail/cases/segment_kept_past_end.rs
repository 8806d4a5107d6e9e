// SPDX-License-Identifier: GPL-2.0

//! A segment cannot be used after the end of its request.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn answer<T: Operations>(rq: OwnedRequest<T, InFlight>) -> Result {
    let segment = rq.segments().next();
    #[cfg(wrong)]
    rq.end_ok();
    segment.map_or(Ok(()), |segment| segment.zero())?;
    #[cfg(right)]
    rq.end_ok();
    Ok(())
}
