// SPDX-License-Identifier: GPL-2.0

//! All requests in a list have the same state.
//@ error: E0308
//@ message: expected `OwnedRequest<T, InFlight>`, found `OwnedRequest<T, Idle<'_>>`

include!("../prelude.rs");

fn keep<T: Operations>(requests: &mut RequestList<T, InFlight>, rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    requests.push_back(rq);
}
