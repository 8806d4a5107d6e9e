// SPDX-License-Identifier: GPL-2.0

//! A segment cannot be used after its request was pushed to a list.
//@ error: E0505
//@ message: cannot move out of `rq` because it is borrowed

include!("../prelude.rs");

fn answer<T: Operations>(
    rq: OwnedRequest<T, InFlight>,
    requests: &mut RequestList<T, InFlight>,
) -> Result {
    let segments = rq.segments();
    #[cfg(wrong)]
    requests.push_back(rq);
    for segment in segments {
        segment.zero()?;
    }
    #[cfg(right)]
    requests.push_back(rq);
    Ok(())
}
