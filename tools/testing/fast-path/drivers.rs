// SPDX-License-Identifier: GPL-2.0

//! Drivers that only end their requests, in the ways that must be cheap. run.py checks the code
//! that the compiler generates for them.

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

/// Ends a request in `queue_rq`.
struct Inline;

#[vtable]
impl Operations for Inline {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

/// Ends a request on a CPU near the submitter.
struct Softirq;

#[vtable]
impl Operations for Softirq {
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

/// Gives a request to its timer, which could own a longer list.
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
    type Pointer<'a> = RequestList<Timer, InFlight>;

    fn run(requests: RequestList<Timer, InFlight>, _: ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

#[vtable]
impl Operations for Timer {
    type QueueData = ();
    type RequestData = TimerData;

    fn new_request_data() -> impl PinInit<TimerData> {
        pin_init!(TimerData { timer <- HrTimer::new() })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        RequestList::from(rq.start()).start_timer(Delta::from_millis(1));
        Ok(())
    }
}

/// Parks a request until its device interrupts with the tag.
struct ByTag;

#[vtable]
impl Operations for ByTag {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().park();
        Ok(())
    }
}

/// The interrupt handler of `ByTag`.
pub fn interrupt(tag_set: &TagSet<ByTag>, hw_queue: u32, tag: u32) {
    let Some(reference) = tag_set.tag_to_rq(hw_queue, tag) else {
        return;
    };
    let rq = reference.claim();
    drop(reference);
    if let Some(rq) = rq {
        rq.end_ok();
    }
}

fn tag_set<T: Operations>() -> Result {
    let tag_set = TagSet::<T>::new(TagSetBuilder::new());
    drop(Arc::pin_init(tag_set, GFP_KERNEL)?);
    Ok(())
}

/// Makes the compiler generate the vtables of all drivers.
pub fn tag_sets() -> Result {
    tag_set::<Inline>()?;
    tag_set::<Softirq>()?;
    tag_set::<Timer>()?;
    tag_set::<ByTag>()
}
