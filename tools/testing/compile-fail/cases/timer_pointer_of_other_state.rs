// SPDX-License-Identifier: GPL-2.0

//! A timer's callback only gets requests that are in flight.
//@ error: E0277
//@ message: the trait bound `RequestList<Owning, Complete>: RawHrTimerCallback` is not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

struct Data;

#[cfg(right)]
type Target = RequestList<Owning, InFlight>;
#[cfg(wrong)]
type Target = RequestList<Owning, Complete>;

impl HrTimerCallback for Data {
    type Pointer<'a> = Target;

    fn run(requests: Target, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}
