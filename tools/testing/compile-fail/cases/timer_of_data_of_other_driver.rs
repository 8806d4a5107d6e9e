// SPDX-License-Identifier: GPL-2.0

//! A driver cannot start a timer in another driver's request data: its callback gets requests
//! of the other driver.
//@ error: E0599
//@ message: doesn't satisfy `<_ as HrTimerCallback>::Pointer<'a> = RequestList<Driver, InFlight>`

include!("../prelude.rs");
include!("../drivers.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = OwningData;

    fn new_request_data() -> impl PinInit<OwningData> {
        pin_init!(OwningData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

#[cfg(right)]
type Other = Owning;
#[cfg(wrong)]
type Other = Driver;

fn submit(requests: RequestList<Other, InFlight>, delay: Delta) {
    requests.start_timer(delay);
}
