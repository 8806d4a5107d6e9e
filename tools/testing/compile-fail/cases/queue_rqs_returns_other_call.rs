// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot return requests of another call, which the block layer did not pass to
//! it.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn mix<'call, #[cfg(wrong)] 'other, T: Operations>(
    mut requests: RequestList<T, Idle<'call>>,
    #[cfg(right)] others: RequestList<T, Idle<'call>>,
    #[cfg(wrong)] others: RequestList<T, Idle<'other>>,
) -> RequestList<T, Idle<'call>> {
    for rq in others {
        requests.push_back(rq);
    }
    requests
}
