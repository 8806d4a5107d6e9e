// SPDX-License-Identifier: GPL-2.0

//! No owner can be taken from a timer that has a reference only.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = OwnedRequest<Watching, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Owning;
#[cfg(wrong)]
type Driver = Watching;

fn timeout(rq: &Request<Driver>) -> TimeoutAction {
    if let Some(rq) = rq.cancel_timer() {
        rq.end(Status::TIMEOUT);
    }
    TimeoutAction::Done
}
