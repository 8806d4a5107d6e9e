// SPDX-License-Identifier: GPL-2.0

//! A timer that holds a reference has no owner to return when it is cancelled.
//@ error: E0271
//@ message: expected this to be `RequestList<Watching, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Watching;

fn timeout(rq: &Request<Driver>) {
    if let Some(requests) = RequestList::cancel_timer(rq) {
        requests.end(|_| Status::TIMEOUT);
    }
}
