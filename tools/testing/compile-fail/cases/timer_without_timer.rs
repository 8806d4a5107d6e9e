// SPDX-License-Identifier: GPL-2.0

//! A driver whose request data has no timer cannot start one.
//@ error: E0599
//@ message: the method `start_timer` exists for struct `RequestList<Null, InFlight>`, but its trait bounds were not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Null;

fn submit(requests: RequestList<Driver, InFlight>, delay: Delta) {
    requests.start_timer(delay);
}
