// SPDX-License-Identifier: GPL-2.0

//! A request in a list cannot be used directly.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn keep<T: Operations>(
    requests: &mut RequestList<T, InFlight>,
    rq: OwnedRequest<T, InFlight>,
    done: bool,
) {
    requests.push_back(rq);
    if done {
        #[cfg(right)]
        let Some(rq) = requests.pop_front() else {
            return;
        };
        rq.end_ok();
    }
}
