// SPDX-License-Identifier: GPL-2.0

//! No owner can be taken from a timer that has a reference only.
//@ error: E0277
//@ message: `ARef<Request<Watching>>: TimerOwner<Watching>` is not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Watching;

fn is_waiting(rq: &Request<Driver>) -> bool {
    rq.cancel_timer().is_some()
}
