// SPDX-License-Identifier: GPL-2.0

//! The owner cannot be taken twice from the timer's handle.
//@ error: E0382
//@ message: use of moved value: `handle`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta) {
    let handle = rq.start(delay);
    if let Some(rq) = handle.into_owner() {
        rq.end_ok();
    }
    #[cfg(wrong)]
    if let Some(rq) = handle.into_owner() {
        rq.end_ok();
    }
}
