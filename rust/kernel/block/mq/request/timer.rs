// SPDX-License-Identifier: GPL-2.0

//! Timers in the driver data of requests.
//!
//! A driver puts a [`HrTimer`] into its [`Operations::RequestData`]. Its [`HrTimerCallback`] names
//! the type that the timer holds and the callback receives:
//!
//! * `list`: a [`RequestList<T, InFlight>`]. The timer of the first request owns all requests of
//!   the list.
//! * `reference`: an [`ARef<Request<T>>`](crate::sync::aref::ARef).
//!
//! The timer holds its owners or its reference until they pass to the callback, or the timer is
//! cancelled. Nothing here waits for a callback.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

mod list;
mod reference;

use super::{
    pdu::Pdu,
    Request, //
};
use crate::{
    bindings,
    block::mq::Operations,
    time::hrtimer::{
        HasHrTimer,
        HrTimer,
        HrTimerMode, //
    },
};
use core::ptr::NonNull;

#[cfg(doc)]
use super::{
    InFlight,
    RequestList, //
};
#[cfg(doc)]
use crate::time::hrtimer::HrTimerCallback;

type Mode<T> =
    <<T as Operations>::RequestData as HasHrTimer<<T as Operations>::RequestData>>::TimerMode;
type Expires<T> = <Mode<T> as HrTimerMode>::Expires;

/// Stops the timer of `rq`, unless its callback is running. Returns true if the timer was queued.
fn try_to_cancel<T>(rq: &Request<T>) -> bool
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    // SAFETY: `rq.data()` is a valid reference.
    let timer = unsafe { <T::RequestData as HasHrTimer<_>>::raw_get_timer(rq.data()) };
    // SAFETY: The timer lies in `rq.data()` and so is valid.
    unsafe { HrTimer::raw_try_to_cancel(timer) }
}

/// Returns the request that a timer belongs to.
///
/// # Safety
///
/// `timer` must point to the timer in a `T::RequestData` that belongs to a request of `T`.
unsafe fn request_of_timer<T>(timer: *mut bindings::hrtimer) -> NonNull<Request<T>>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    // SAFETY: By the requirements of this function. `HrTimer` is `repr(C)` and begins with the C
    // timer.
    let data = unsafe { <T::RequestData as HasHrTimer<_>>::timer_container_of(timer.cast()) };
    // SAFETY: By the requirements of this function.
    unsafe { Pdu::<T>::request_of_data(data) }
}
