// SPDX-License-Identifier: GPL-2.0

//! A timer's callback only gets requests of the driver whose request data has the timer.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = RequestList<Driver, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

struct Driver;

#[pin_data]
struct Data {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Data {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

#[cfg(right)]
type Target = RequestList<Driver, InFlight>;
#[cfg(wrong)]
type Target = RequestList<Owning, InFlight>;

impl HrTimerCallback for Data {
    type Pointer<'a> = Target;

    fn run(requests: Target, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        pin_init!(Data { timer <- HrTimer::new() })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        RequestList::from(rq.start()).start_timer(Delta::from_micros(10));
        Ok(())
    }
}
