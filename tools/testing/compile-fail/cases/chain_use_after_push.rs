// SPDX-License-Identifier: GPL-2.0

//! A request in a chain belongs to the chain.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn keep<T: Operations>(chain: &mut RequestChain<T>, rq: OwnedRequest<T, InFlight>, done: bool) {
    chain.push_back(rq);
    if done {
        #[cfg(right)]
        let Some(rq) = chain.pop_front() else {
            return;
        };
        rq.end_ok();
    }
}
