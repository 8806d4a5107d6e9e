// SPDX-License-Identifier: GPL-2.0

//! Completion by a timer, as if the device took its time (`irqmode=2`).

use super::{
    end_all,
    keep_status,
    Completion,
    Done,
    HasStatus, //
};
use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::Counters, //
};
use core::marker::PhantomData;
use kernel::{
    block::{
        mq::{
            InFlight,
            RequestList,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    impl_has_hr_timer,
    prelude::*,
    sync::Arc,
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerRestart,
            RelativePinnedMode, //
        },
        Delta,
        Monotonic, //
    }, //
};

/// Completes requests when their time has come.
///
/// The timer in the first request's data owns the requests that came together, and its callback
/// gets them. So no timer fires after its request has ended.
pub(crate) enum Timer {}

/// What the timer of a driver `NullBlk<C, P>` needs with each request.
#[pin_data]
pub(crate) struct TimerData<C, P> {
    status: AtomicStatus,
    #[pin]
    timer: HrTimer<Self>,
    _p: PhantomData<fn() -> (C, P)>,
}

impl_has_hr_timer! {
    impl{C, P} HasHrTimer<Self> for TimerData<C, P> {
        mode: RelativePinnedMode<Monotonic>, field: self.timer
    }
}

impl<C, P> TimerData<C, P>
where
    C: Completion<Data<P> = Self>,
    P: Pipeline,
{
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            status: AtomicStatus::new(Status::OK),
            timer <- HrTimer::new(),
            _p: PhantomData,
        })
    }
}

impl<C, P> HasStatus for TimerData<C, P> {
    #[inline(always)]
    fn status(&self) -> &AtomicStatus {
        &self.status
    }
}

impl<C, P> HrTimerCallback for TimerData<C, P>
where
    C: Completion<Data<P> = Self>,
    P: Pipeline,
{
    type Pointer<'a> = RequestList<NullBlk<C, P>, InFlight>;

    fn run(requests: RequestList<NullBlk<C, P>, InFlight>, (): ()) -> HrTimerRestart {
        end_all(requests);
        HrTimerRestart::NoRestart
    }
}

impl Completion for Timer {
    const LATER: bool = true;

    type Data<P: Pipeline> = TimerData<Self, P>;
    type Device<P: Pipeline> = Delta;

    fn new_data<P: Pipeline>() -> impl PinInit<TimerData<Self, P>> {
        TimerData::new()
    }

    fn new_device<P: Pipeline>(
        config: &Config,
        _: &Arc<TagSet<NullBlk<Self, P>>>,
        _: &Arc<Faults>,
        _: &Arc<Counters>,
    ) -> Result<Delta> {
        Ok(config.latency())
    }

    #[inline(always)]
    fn complete<P: Pipeline>(latency: &Delta, done: Done<NullBlk<Self, P>>) {
        complete_alone_in(*latency, done);
    }

    #[inline(always)]
    fn complete_all<P: Pipeline>(
        latency: &Delta,
        requests: impl Iterator<Item = Done<NullBlk<Self, P>>>,
    ) {
        complete_in(*latency, requests);
    }
}

/// Completes a request at some time from now.
#[inline(always)]
pub(super) fn complete_alone_in<C, P>(latency: Delta, done: Done<NullBlk<C, P>>)
where
    C: Completion<Data<P> = TimerData<C, P>>,
    P: Pipeline,
{
    RequestList::from(keep_status(done)).start_timer(latency);
}

/// Completes requests together, at some time from now.
#[inline(always)]
pub(super) fn complete_in<C, P>(latency: Delta, requests: impl Iterator<Item = Done<NullBlk<C, P>>>)
where
    C: Completion<Data<P> = TimerData<C, P>>,
    P: Pipeline,
{
    let mut list = RequestList::new();
    for done in requests {
        list.push_back(keep_status(done));
    }
    list.start_timer(latency);
}
