// SPDX-License-Identifier: GPL-2.0

//! A timer whose callback gets the owners of a chain cannot take one that is in no chain.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = OwnedRequest<Together, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Together;

fn submit(rq: OwnedRequest<Driver, InFlight>, delay: Delta) {
    rq.start_timer(delay);
}
