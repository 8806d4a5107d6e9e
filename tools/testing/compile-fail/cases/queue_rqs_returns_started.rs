// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot return a request that was started.
//@ error: E0308
//@ message: expected `OwnedRequest<T, Idle<'_>>`, found `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn submit<'call, T: Operations>(
    mut requests: RequestList<T, Idle<'call>>,
) -> RequestList<T, Idle<'call>> {
    if let Some(rq) = requests.pop_front() {
        #[cfg(wrong)]
        let rq = rq.start();
        requests.push_back(rq);
    }
    requests
}
