// SPDX-License-Identifier: GPL-2.0

//! A timer whose callback gets owners cannot be started with a reference.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = ARef<Request<Owning>>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Driver = Watching;
#[cfg(wrong)]
type Driver = Owning;

fn watch(rq: &Request<Driver>, delay: Delta) {
    rq.start_timer(delay);
}
