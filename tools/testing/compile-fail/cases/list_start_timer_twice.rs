// SPDX-License-Identifier: GPL-2.0

//! A list can be passed to one timer only.
//@ error: E0382
//@ message: use of moved value: `requests`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(requests: RequestList<Owning, InFlight>, delay: Delta) {
    requests.start_timer(delay);
    #[cfg(wrong)]
    requests.start_timer(delay);
}
