// SPDX-License-Identifier: GPL-2.0

//! A list cannot be used after a loop has consumed it.
//@ error: E0382
//@ message: borrow of moved value: `requests`

include!("../prelude.rs");

fn end<T: Operations>(requests: RequestList<T, InFlight>) -> bool {
    #[cfg(right)]
    let idle = requests.is_empty();
    for rq in requests {
        rq.end_ok();
    }
    #[cfg(wrong)]
    let idle = requests.is_empty();
    idle
}
