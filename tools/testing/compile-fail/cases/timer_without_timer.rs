// SPDX-License-Identifier: GPL-2.0

//! A driver whose data has no timer cannot start one.
//@ error: E0599
//@ message: the method `start_timer` exists for struct `OwnedRequest<Null, InFlight>`, but its trait bounds were not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Null;

fn submit(rq: OwnedRequest<Driver, InFlight>, delay: Delta) {
    rq.start_timer(delay);
}
