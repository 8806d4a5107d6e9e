// SPDX-License-Identifier: GPL-2.0

//! A driver whose request data has no timer cannot watch a request.
//@ error: E0599
//@ message: the method `start_timer` exists for reference `&Request<Null>`, but its trait bounds were not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Watching;
#[cfg(wrong)]
type Driver = Null;

fn submit(rq: &Request<Driver>, delay: Delta) {
    rq.start_timer(delay);
}
