// SPDX-License-Identifier: GPL-2.0

//! A timer's callback gets a list, not an owner, even for a single request.
//@ error: E0277
//@ message: the trait bound `OwnedRequest<Owning, InFlight>: RawHrTimerCallback` is not satisfied

include!("../prelude.rs");
include!("../drivers.rs");

struct Data;

#[cfg(right)]
type Target = RequestList<Owning, InFlight>;
#[cfg(wrong)]
type Target = OwnedRequest<Owning, InFlight>;

impl HrTimerCallback for Data {
    type Pointer<'a> = Target;

    fn run(_: Target, _: ()) -> HrTimerRestart {
        HrTimerRestart::NoRestart
    }
}
