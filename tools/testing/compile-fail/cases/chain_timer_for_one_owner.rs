// SPDX-License-Identifier: GPL-2.0

//! A timer whose callback gets one owner cannot take a chain of them.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = OwnedRequests<Owning, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Together;
#[cfg(wrong)]
type Driver = Owning;

fn submit(chain: RequestChain<Driver>, delay: Delta) {
    chain.start_timer(delay);
}
