// SPDX-License-Identifier: GPL-2.0

//! A driver whose request data has no timer cannot cancel one.
//@ error: E0277
//@ message: the trait bound `(): HasHrTimer<()>` is not satisfied
//@ error: E0277
//@ message: the trait bound `(): HrTimerCallback` is not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Null;

fn timeout(rq: &Request<Driver>) {
    if let Some(requests) = RequestList::cancel_timer(rq) {
        requests.end(|_| Status::TIMEOUT);
    }
}
