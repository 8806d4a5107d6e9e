// SPDX-License-Identifier: GPL-2.0

//! Only what was started can be kept to be completed.
//@ error: E0308
//@ message: mismatched types

include!("../prelude.rs");

fn keep<T: Operations>(chain: &mut RequestChain<T>, rq: OwnedRequest<T, Idle>) {
    #[cfg(right)]
    let rq = rq.start();
    chain.push_back(rq);
}
