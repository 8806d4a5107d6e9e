// SPDX-License-Identifier: GPL-2.0

//! Timers that hold references to requests.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use super::{
    request_of_timer,
    try_to_cancel,
    Expires, //
};
use crate::{
    bindings,
    block::mq::{
        request::pdu::Pdu,
        Operations,
        Request, //
    },
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Release, //
        }, //
    },
    time::hrtimer::{
        HasHrTimer,
        HrTimerCallback,
        RawHrTimerCallback, //
    },
};
use core::ptr::NonNull;

/// Takes the reference of a timer that has left its queue.
///
/// # Safety
///
/// [`Request::start_timer`] must have queued the timer of `rq`, and the caller must have removed it
/// from its queue since then, or be the callback of its expiry.
unsafe fn take_reference<T: Operations>(rq: NonNull<Request<T>>) -> ARef<Request<T>> {
    // SAFETY: The private area is set up: tearing it down waits for timers.
    let armed = unsafe { &(*Pdu::<T>::of_raw(rq.as_ptr().cast())).armed };
    // ORDERING: Release, paired with the Acquire in `start_timer`, so that the timer is out of its
    // queue when it is started the next time.
    armed.store(0, Release);
    // SAFETY: `start_timer` gave a count to the timer. The timer has left its queue once, so this
    // is the only caller to take it.
    unsafe { ARef::from_raw(rq) }
}

impl<T> Request<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = ARef<Self>>,
{
    /// Starts the timer in the request's data, with a reference for its callback.
    ///
    /// Returns false, and changes nothing, if the timer is already started.
    ///
    /// May be called from process, softirq and hardirq context, and in the callback.
    pub fn start_timer(&self, expires: Expires<T>) -> bool {
        // ORDERING: Acquire, paired with the Release in `take_reference`.
        if self.pdu().armed.cmpxchg(0, 1, Acquire).is_err() {
            return false;
        }
        // The count belongs to the timer. No other call starts the timer before it has left its
        // queue.
        core::mem::forget(ARef::from(self));
        // SAFETY: The data is valid until the request's private area is torn down, which cancels
        // the timer.
        unsafe { <T::RequestData as HasHrTimer<_>>::start(self.data(), expires) };
        true
    }

    /// Stops the timer in the request's data, and drops its reference.
    ///
    /// Returns true if it did; then the callback is not called. Otherwise the timer is not started,
    /// or its callback is running and may have started it again. Never waits.
    ///
    /// May be called from process, softirq and hardirq context.
    pub fn cancel_timer(&self) -> bool {
        if !try_to_cancel(self) {
            return false;
        }
        // SAFETY: Only `start_timer` starts a timer of this kind, and the call above has removed it
        // from its queue.
        drop(unsafe { take_reference(NonNull::from(self)) });
        true
    }
}

impl<T> RawHrTimerCallback for ARef<Request<T>>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type CallbackTarget<'a> = Self;

    // While the callback runs, any code that has a reference can start the timer, and forwarding it
    // would race with that. So the callback restarts it by `start_timer`, too.
    type Context<'a, U: HasHrTimer<U>> = ();

    unsafe extern "C" fn run(ptr: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the requirements of this function `Request::start_timer` has started the
        // timer, which lies in the data of a request.
        let rq = unsafe { request_of_timer::<T>(ptr) };
        // SAFETY: This is the callback, which runs once for each expiry of the timer.
        let rq = unsafe { take_reference(rq) };
        let _ = T::RequestData::run(rq, ());
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}
