// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot return a list of requests that were started.
//@ error: E0308
//@ message: expected `RequestList<T, Idle<'_>>`, found `RequestList<T, InFlight>`

include!("../prelude.rs");

fn submit<'call, T: Operations>(
    requests: RequestList<T, Idle<'call>>,
) -> RequestList<T, Idle<'call>> {
    let mut left = RequestList::new();
    for rq in requests {
        #[cfg(wrong)]
        let rq = rq.start();
        left.push_back(rq);
    }
    left
}
