// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot return a request that has ended.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<'call, T: Operations>(
    requests: RequestList<T, Idle<'call>>,
    full: bool,
) -> RequestList<T, Idle<'call>> {
    let mut left = RequestList::new();
    for rq in requests {
        if !full {
            rq.start().end_ok();
            #[cfg(right)]
            continue;
        }
        left.push_back(rq);
    }
    left
}
