// SPDX-License-Identifier: GPL-2.0

//! Timers that own requests.
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
        InFlight,
        Operations,
        Request,
        RequestList, //
    },
    time::hrtimer::{
        HasHrTimer,
        HrTimerCallback,
        RawHrTimerCallback, //
    },
};

impl<T> RequestList<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    /// Starts the timer in the data of the first request. It owns all requests of the list until
    /// its callback or [`cancel_timer`](Self::cancel_timer) gets them.
    ///
    /// The timeouts of the requests keep running. An empty list starts no timer.
    ///
    /// May be called from process, softirq and hardirq context.
    #[inline]
    pub fn start_timer(self, expires: Expires<T>) {
        // The timer may expire before the call below returns, so give up the requests first.
        let head = self.into_head();
        if head.is_null() {
            return;
        }
        // SAFETY: `head` is a request that we owned, and so was set up for `T`.
        let data = unsafe { &raw const (*Pdu::<T>::of_raw(head)).data };
        // SAFETY: `data` is valid until the request's private area is torn down, which cancels the
        // timer. The timer is not queued: a queued timer owns its request, but we owned it. Nothing
        // else starts the timer, since that takes the owner.
        unsafe { <T::RequestData as HasHrTimer<_>>::start_inactive(data, expires) };
    }

    /// Stops the timer in the data of `rq`, and takes the requests that it owns: `rq`, and those
    /// that followed it in the list.
    ///
    /// Returns [`None`] if the timer owns nothing, or if its callback is running. The timer of a
    /// request that was not the first of its list owns nothing. Never waits.
    ///
    /// May be called from process, softirq and hardirq context.
    pub fn cancel_timer(rq: &Request<T>) -> Option<Self> {
        if !try_to_cancel(rq) {
            return None;
        }
        // SAFETY: Only `start_timer` starts a timer of this kind, with a list whose first request
        // is this one. This call has removed the timer from its queue, so the callback does not get
        // the list, and nothing else does.
        Some(unsafe { Self::from_head(rq.as_raw()) })
    }
}

impl<T> RawHrTimerCallback for RequestList<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type CallbackTarget<'a> = Self;

    // The callback may end the requests, and another CPU may start the timer for the next I/O
    // before the callback returns. So the callback can restart the timer by `start_timer` only.
    type Context<'a, U: HasHrTimer<U>> = ();

    unsafe extern "C" fn run(ptr: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the requirements of this function a `RequestList` has started the timer, which
        // lies in the data of its first request.
        let head = unsafe { request_of_timer::<T>(ptr) };
        // SAFETY: The timer owned the list that begins with this request, and has expired, so
        // `cancel_timer` does not get the list. Until now the timer owned the requests, so nothing
        // has changed the links.
        let requests = unsafe { RequestList::from_head(head.as_ptr().cast()) };
        let _ = T::RequestData::run(requests, ());
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}
