// SPDX-License-Identifier: GPL-2.0

//! A request that was started cannot be given back to the list it came in.
//@ error: E0308
//@ message: expected `OwnedRequest<T, Idle>`, found `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn submit<T: Operations>(requests: &mut RequestList<'_, T>) {
    if let Some(rq) = requests.next() {
        #[cfg(wrong)]
        let rq = rq.start();
        requests.give_back(rq);
    }
}
