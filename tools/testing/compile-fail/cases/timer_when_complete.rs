// SPDX-License-Identifier: GPL-2.0

//! A timer cannot own a request that is being completed.
//@ error: E0599
//@ message: no method named `start_timer` found for struct `RequestList<Owning, Complete>`

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Reached = InFlight;
#[cfg(wrong)]
type Reached = Complete;

fn finish(requests: RequestList<Owning, Reached>, delay: Delta) {
    requests.start_timer(delay);
}
