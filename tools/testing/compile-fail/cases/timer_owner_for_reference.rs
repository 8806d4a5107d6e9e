// SPDX-License-Identifier: GPL-2.0

//! A timer whose callback gets a reference cannot take the owner.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = OwnedRequest<Watching, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Watching;

fn submit(rq: OwnedRequest<Driver, InFlight>, delay: Delta) {
    rq.start_timer(delay);
}
