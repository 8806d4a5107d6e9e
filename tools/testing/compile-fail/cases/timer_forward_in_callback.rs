// SPDX-License-Identifier: GPL-2.0

//! A callback can restart its timer only through the list that it owns.
//@ error: E0053
//@ message: method `run` has an incompatible type for trait

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
type Context<'a> = ();
#[cfg(wrong)]
type Context<'a> = kernel::time::hrtimer::HrTimerCallbackContext<'a, Data>;

impl HrTimerCallback for Data {
    type Pointer<'a> = RequestList<Driver, InFlight>;

    fn run(requests: RequestList<Driver, InFlight>, _: Context<'_>) -> HrTimerRestart {
        requests.start_timer(Delta::from_micros(10));
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
