// SPDX-License-Identifier: GPL-2.0

//! Requests that a timer owns are no longer in the list.
//@ error: E0382
//@ message: borrow of moved value: `requests`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(mut requests: RequestList<Owning, InFlight>, delay: Delta) {
    #[cfg(right)]
    let first = requests.pop_front();
    requests.start_timer(delay);
    #[cfg(wrong)]
    let first = requests.pop_front();
    if let Some(first) = first {
        first.end_ok();
    }
}
