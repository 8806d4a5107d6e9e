// SPDX-License-Identifier: GPL-2.0

// Drivers for the cases that are not about how a driver is written. To be included after the
// prelude.

use kernel::{
    impl_has_hr_timer,
    time::{
        hrtimer::{
            HasHrTimer,
            HrTimer,
            HrTimerCallback,
            HrTimerHandle,
            HrTimerPointer,
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

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().end_ok();
        Ok(())
    }
}

/// A driver with a timer that owns the request.
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
    type Pointer<'a> = OwnedRequest<Owning, InFlight>;

    fn run(rq: OwnedRequest<Owning, InFlight>, _: ()) -> HrTimerRestart {
        rq.end_ok();
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Owning {
    type QueueData = ();
    type RequestData = OwningData;

    fn new_request_data() -> impl PinInit<OwningData, Error> {
        try_pin_init!(OwningData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().start_timer(Delta::from_micros(10));
        Ok(())
    }
}

/// A driver with a timer that owns several requests.
struct Together;

#[pin_data]
struct TogetherData {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for TogetherData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for TogetherData {
    type Pointer<'a> = OwnedRequests<Together, InFlight>;

    fn run(requests: OwnedRequests<Together, InFlight>, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Together {
    type QueueData = ();
    type RequestData = TogetherData;

    fn new_request_data() -> impl PinInit<TogetherData, Error> {
        try_pin_init!(TogetherData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        OwnedRequests::from(rq.start()).start_timer(Delta::from_micros(10));
        Ok(())
    }
}

/// A driver with a timer that has a reference.
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

    fn run(
        rq: ARef<Request<Watching>>,
        _: RequestHrTimerContext<'_, WatchingData>,
    ) -> HrTimerRestart {
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

    fn new_request_data() -> impl PinInit<WatchingData, Error> {
        try_pin_init!(WatchingData {
            timer <- HrTimer::new(),
        })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().park();
        Ok(())
    }
}
