// SPDX-License-Identifier: GPL-2.0

//! A timer only watches requests of the driver whose request data has the timer.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = ARef<Request<Driver>>`

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
type Target = ARef<Request<Driver>>;
#[cfg(wrong)]
type Target = ARef<Request<Watching>>;

impl HrTimerCallback for Data {
    type Pointer<'a> = Target;

    fn run(_: Target, _: ()) -> HrTimerRestart {
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
        let rq = rq.start();
        rq.start_timer(Delta::from_micros(10));
        rq.end_ok();
        Ok(())
    }
}
