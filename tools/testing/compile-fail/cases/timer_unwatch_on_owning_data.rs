// SPDX-License-Identifier: GPL-2.0

//! A timer that owns requests cannot be cancelled without taking the requests back.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = ARef<Request<Owning>>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Watching;
#[cfg(wrong)]
type Driver = Owning;

fn timeout(rq: &Request<Driver>) -> bool {
    rq.cancel_timer()
}
