// SPDX-License-Identifier: GPL-2.0

//! A timer whose callback gets a reference cannot own requests.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = RequestList<Watching, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Watching;

fn submit(requests: RequestList<Driver, InFlight>, delay: Delta) {
    requests.start_timer(delay);
}
