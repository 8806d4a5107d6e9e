// SPDX-License-Identifier: GPL-2.0

//! Drivers that do nothing but end their requests, in the ways that have to be cheap. run.py looks
//! at what the compiler makes of them.

include!("../compile-fail/prelude.rs");

use kernel::{
    impl_has_hr_timer,
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    }, //
};

/// Ends a request where it gets it.
struct Inline;

#[vtable]
impl Operations for Inline {
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

/// Ends a request on a CPU that suits the submitter.
struct Softirq;

#[vtable]
impl Operations for Softirq {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().complete();
        Ok(())
    }

    fn complete(rq: OwnedRequest<Self, Complete>) {
        rq.end_ok();
    }
}

/// Leaves a request to its timer.
struct Timer;

#[pin_data]
struct TimerData {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for TimerData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for TimerData {
    type Pointer<'a> = OwnedRequest<Timer, InFlight>;

    fn run(rq: OwnedRequest<Timer, InFlight>, _: ()) -> HrTimerRestart {
        rq.end_ok();
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Timer {
    type QueueData = ();
    type RequestData = TimerData;

    fn new_request_data() -> impl PinInit<TimerData, Error> {
        try_pin_init!(TimerData { timer <- HrTimer::new() })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().start_timer(Delta::from_millis(1));
        Ok(())
    }
}

/// Leaves a request to a timer that might own others, too.
struct Chain;

#[pin_data]
struct ChainData {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for ChainData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for ChainData {
    type Pointer<'a> = OwnedRequests<Chain, InFlight>;

    fn run(requests: OwnedRequests<Chain, InFlight>, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Chain {
    type QueueData = ();
    type RequestData = ChainData;

    fn new_request_data() -> impl PinInit<ChainData, Error> {
        try_pin_init!(ChainData { timer <- HrTimer::new() })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        OwnedRequests::from(rq.start()).start_timer(Delta::from_millis(1));
        Ok(())
    }
}

fn tag_set<T: Operations>() -> Result {
    let tag_set = TagSet::<T>::new(TagSetBuilder::new());
    drop(Arc::pin_init(tag_set, GFP_KERNEL)?);
    Ok(())
}

/// Has the tables of all of them compiled.
pub fn tag_sets() -> Result {
    tag_set::<Inline>()?;
    tag_set::<Softirq>()?;
    tag_set::<Timer>()?;
    tag_set::<Chain>()
}
