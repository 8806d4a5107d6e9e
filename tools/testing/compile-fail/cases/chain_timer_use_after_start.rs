// SPDX-License-Identifier: GPL-2.0

//! What a timer owns is no longer in the chain.
//@ error: E0382
//@ message: borrow of moved value: `chain`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(mut chain: RequestChain<Together>, delay: Delta) {
    #[cfg(right)]
    let first = chain.pop_front();
    chain.start_timer(delay);
    #[cfg(wrong)]
    let first = chain.pop_front();
    drop(first);
}
