// SPDX-License-Identifier: GPL-2.0

//! Timers in the driver data of requests.
//!
//! A driver that puts a [`HrTimer`] into its [`Operations::RequestData`] can start it through one
//! of three kinds of pointer, which it names in its [`HrTimerCallback`]:
//!
//! * An [`OwnedRequest`]: the timer takes the owner, and the callback gets it by value. No
//!   reference count is touched. This is for drivers that end requests by timer.
//! * An [`OwnedRequests`], or the [`RequestChain`] that it is made of: the timer of the first
//!   request takes the owners of all of them. This is for drivers that end together what came
//!   together; a timer for each would cost more than all else that they do.
//! * An [`ARef<Request<T>>`](Request): the timer keeps a reference, and the callback gets one. The
//!   request may have been ended meanwhile, or requeued and started anew; the reference says
//!   nothing about that. This is for drivers that watch over requests.
//!
//! What happens when the timer owns requests, and when it has a reference, and
//!
//! * the timer is started again: only the owner can, that is, after it came out; with a reference,
//!   the expiry is moved.
//! * the callback wants to be called again: it starts the timer with what it got; with a
//!   reference, it tells its [context](RequestHrTimerContext) when.
//! * the handle is cancelled: the owner comes out, see [`OwnedRequestHrTimerHandle::into_owner`];
//!   with a reference, the timer stops.
//! * the handle is dropped: as cancelled, and an owner that came out is dropped with it.
//! * the handle is dropped in the callback: this does not wait; with a reference, it warns once and
//!   leaks the reference.
//! * the handle is leaked: the timer runs, and a reference is leaked, in both cases.
//! * there is no handle, as with [`OwnedRequest::start_timer`] and [`RequestChain::start_timer`]:
//!   [`Request::cancel_timer`] takes out what the timer owns.
//! * the request ends first: that cannot be, as the timer owns it; with a reference, the callback
//!   runs on the ended request.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

mod owner;
mod reference;

pub use self::{
    owner::{
        OwnedRequestHrTimerHandle,
        TimerOwner, //
    },
    reference::{
        RequestHrTimerContext,
        RequestHrTimerHandle, //
    },
};

use super::Request;
use crate::{
    block::mq::Operations,
    time::hrtimer::{
        HasHrTimer,
        HrTimer,
        HrTimerMode, //
    },
};

#[cfg(doc)]
use super::{
    OwnedRequest,
    OwnedRequests,
    RequestChain, //
};
#[cfg(doc)]
use crate::time::hrtimer::HrTimerCallback;

type Mode<T> =
    <<T as Operations>::RequestData as HasHrTimer<<T as Operations>::RequestData>>::TimerMode;
type Expires<T> = <Mode<T> as HrTimerMode>::Expires;

/// The timer of `rq`.
fn timer_of<T>(rq: &Request<T>) -> *const HrTimer<T::RequestData>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    // SAFETY: `rq.data()` is a valid reference.
    unsafe { <T::RequestData as HasHrTimer<_>>::raw_get_timer(rq.data()) }
}

/// Whether the callback of the timer of `rq` is what calls this, on this CPU.
fn in_callback<T>(rq: &Request<T>) -> bool
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    // SAFETY: The timer lies in `rq.data()` and so is valid.
    unsafe { HrTimer::raw_callback_runs_here(timer_of(rq)) }
}

/// Cancels the timer of `rq` and waits for its callback, unless that is what calls this.
///
/// Returns whether the timer was waiting to expire.
fn cancel<T>(rq: &Request<T>) -> bool
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    if in_callback(rq) {
        // The callback cannot wait for itself, and a timer whose callback runs cannot be removed.
        return false;
    }
    // SAFETY: The timer lies in `rq.data()` and so is valid.
    unsafe { HrTimer::raw_cancel(timer_of(rq)) }
}
