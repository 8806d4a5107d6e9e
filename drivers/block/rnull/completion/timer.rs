// SPDX-License-Identifier: GPL-2.0

//! Completion by a timer, after the latency of the device (`irqmode=2`).
//!
//! A batch has one timer: the one in the data of its first request. While it is armed, the timer
//! owns the requests of the batch, and it passes them to its callback. So no timer expires after
//! its request has ended.

use super::{
    end_all,
    keep_status,
    Done,
    Setup, //
};
use core::marker::PhantomData;
use kernel::{
    block::mq::{
        InFlight,
        Operations,
        RequestList,
        TagSet, //
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

pub(super) const DEFERRED: bool = true;

/// The data of a request of the driver `T`.
#[pin_data]
pub(crate) struct TimerData<T> {
    #[pin]
    timer: HrTimer<Self>,
    _p: PhantomData<fn() -> T>,
}

impl_has_hr_timer! {
    impl{T} HasHrTimer<Self> for TimerData<T> {
        mode: RelativePinnedMode<Monotonic>, field: self.timer
    }
}

impl<T: Operations<RequestData = Self>> HrTimerCallback for TimerData<T> {
    type Pointer<'a> = RequestList<T, InFlight>;

    fn run(requests: RequestList<T, InFlight>, (): ()) -> HrTimerRestart {
        end_all(requests);
        HrTimerRestart::NoRestart
    }
}

pub(super) fn data<T>() -> impl PinInit<TimerData<T>>
where
    T: Operations<RequestData = TimerData<T>>,
{
    pin_init!(TimerData {
        timer <- HrTimer::new(),
        _p: PhantomData,
    })
}

pub(super) fn device<T: Operations>(setup: &Setup<'_>, _: &Arc<TagSet<T>>) -> Result<Delta> {
    Ok(setup.config.latency())
}

#[inline(always)]
pub(super) fn complete<T>(latency: &Delta, done: Done<T>)
where
    T: Operations<RequestData = TimerData<T>>,
{
    RequestList::from(keep_status(done)).start_timer(*latency);
}

/// Completes a batch with one timer.
#[inline(always)]
pub(super) fn complete_list<T>(latency: &Delta, list: RequestList<T, InFlight>)
where
    T: Operations<RequestData = TimerData<T>>,
{
    list.start_timer(*latency);
}
