// SPDX-License-Identifier: GPL-2.0

//! A segment cannot be used after its request was started.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn answer<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> Result {
    #[cfg(wrong)]
    let segments = rq.segments();
    let rq = rq.start();
    #[cfg(right)]
    let segments = rq.segments();
    for segment in segments {
        segment.zero()?;
    }
    rq.end_ok();
    Ok(())
}
