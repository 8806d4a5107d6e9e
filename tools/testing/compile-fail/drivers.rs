// SPDX-License-Identifier: GPL-2.0

// Drivers for the cases that do not define their own. Included after the prelude.

use kernel::{
    impl_has_hr_timer,
    time::{
        hrtimer::{
            HasHrTimer,
            HrTimer,
            HrTimerCallback,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    }, //
};

/// A driver without a timer.
struct Null;

#[vtable]
impl Operations for Null {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().complete();
        Ok(())
    }

    fn complete(requests: RequestList<Self, Complete>) {
        requests.end(|_| Status::OK);
    }
}

/// A driver with a timer that owns requests.
struct Owning;

#[pin_data]
struct OwningData {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for OwningData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for OwningData {
    type Pointer<'a> = RequestList<Owning, InFlight>;

    fn run(requests: RequestList<Owning, InFlight>, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Owning {
    type QueueData = ();
    type RequestData = OwningData;

    fn new_request_data() -> impl PinInit<OwningData> {
        pin_init!(OwningData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        RequestList::from(rq.start()).start_timer(Delta::from_micros(10));
        Ok(())
    }
}

/// A driver with a timer that watches a request.
struct Watching;

#[pin_data]
struct WatchingData {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for WatchingData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for WatchingData {
    type Pointer<'a> = ARef<Request<Watching>>;

    fn run(rq: ARef<Request<Watching>>, _: ()) -> HrTimerRestart {
        if let Some(rq) = rq.claim() {
            rq.end(Status::TIMEOUT);
        }
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Watching {
    type QueueData = ();
    type RequestData = WatchingData;

    fn new_request_data() -> impl PinInit<WatchingData> {
        pin_init!(WatchingData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        let rq = rq.start();
        rq.start_timer(Delta::from_micros(10));
        rq.park();
        Ok(())
    }
}
