// SPDX-License-Identifier: GPL-2.0

//! A driver whose data has no timer cannot cancel one.
//@ error: E0599
//@ message: the method `cancel_timer` exists for reference `&Request<Null>`, but its trait bounds were not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Null;

fn timeout(rq: &Request<Driver>) -> TimeoutAction {
    if let Some(rq) = rq.cancel_timer() {
        rq.end(Status::TIMEOUT);
    }
    TimeoutAction::Done
}
