// SPDX-License-Identifier: GPL-2.0

//! Completion by a timer, as if the device took its time (`irqmode=2`).

use super::Completion;
use crate::driver::{
    NullBlk,
    QueueData, //
};
use kernel::{
    block::{
        mq::{
            InFlight,
            OwnedRequest,
            Request,
            TimeoutAction, //
        },
        Status, //
    },
    impl_has_hr_timer,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
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

/// Completes requests when their time has come.
///
/// The timer in the request's data takes the owner, and its callback gets it back. So there is
/// nothing that could fire after the request has ended.
pub(crate) enum Timer {}

/// What the timer needs with each request.
#[pin_data]
pub(crate) struct TimerData {
    /// Whether the block layer's patience ran out before the timer did.
    timed_out: Atomic<bool>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for TimerData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for TimerData {
    type Pointer<'a> = OwnedRequest<NullBlk<Timer>, InFlight>;

    fn run(rq: OwnedRequest<NullBlk<Timer>, InFlight>, (): ()) -> HrTimerRestart {
        let status = if rq.data().timed_out.load(Relaxed) {
            Status::TIMEOUT
        } else {
            Status::OK
        };
        rq.end(status);
        HrTimerRestart::NoRestart
    }
}

impl Completion for Timer {
    type Data = TimerData;

    fn new_data() -> impl PinInit<TimerData, Error> {
        try_pin_init!(TimerData {
            timed_out: Atomic::new(false),
            timer <- HrTimer::new(),
        })
    }

    #[inline(always)]
    fn complete(queue_data: &QueueData, rq: OwnedRequest<NullBlk<Self>, InFlight>) {
        rq.data().timed_out.store(false, Relaxed);
        rq.start_timer(Delta::from_nanos(queue_data.completion_nsec));
    }

    /// A request that takes longer than the block layer waits still ends when its timer expires,
    /// but not well.
    fn timeout(rq: &Request<NullBlk<Self>>) -> TimeoutAction {
        pr_info!("a request timed out\n");
        rq.data().timed_out.store(true, Relaxed);
        TimeoutAction::Done
    }
}
