// SPDX-License-Identifier: GPL-2.0

//! Timers that own requests.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use super::{
    cancel,
    timer_of,
    Expires,
    Mode, //
};
use crate::{
    bindings,
    block::mq::{
        request::pdu::Pdu,
        InFlight,
        Operations,
        OwnedRequest,
        OwnedRequests,
        Request,
        RequestChain, //
    },
    sync::aref::ARef,
    time::hrtimer::{
        HasHrTimer,
        HrTimer,
        HrTimerCallback,
        HrTimerHandle,
        HrTimerPointer,
        RawHrTimerCallback, //
    },
};
use core::ptr::NonNull;

/// A handle for the timer of a request that the timer owns.
///
/// Returned by [`HrTimerPointer::start`] for an [`OwnedRequest`]. It keeps a reference to the
/// request. A driver that never cancels the timer has no use for the handle, and saves the counting
/// with [`OwnedRequest::start_timer`].
///
/// # Examples
///
/// Ending a request before its timer does:
///
/// ```
/// use kernel::{
///     block::mq::*,
///     time::hrtimer::{HasHrTimer, HrTimerCallback}, //
/// };
///
/// fn end_early<T: Operations>(handle: OwnedRequestHrTimerHandle<T>)
/// where
///     T::RequestData: HasHrTimer<T::RequestData>,
///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequest<T, InFlight>>,
/// {
///     if let Some(rq) = handle.into_owner() {
///         rq.end_ok();
///     }
///     // Otherwise the callback has got the owner.
/// }
/// ```
pub struct OwnedRequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    rq: ARef<Request<T>>,
    owner: Option<OwnedRequest<T, InFlight>>,
    dismissed: bool,
}

impl<T> OwnedRequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    /// Cancels the timer and returns the owner, unless the callback got it first.
    ///
    /// If the callback is running this waits for it to return, unless this is called by it. So it
    /// must not be called with a lock that the callback takes. May be called from process, softirq
    /// and hardirq context.
    pub fn into_owner(mut self) -> Option<OwnedRequest<T, InFlight>> {
        self.cancel();
        self.owner.take()
    }

    /// Lets the timer run without a handle.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::{
    /// #     block::mq::*,
    /// #     time::hrtimer::{HasHrTimer, HrTimerCallback}, //
    /// # };
    /// /// The device works after all; the timer ends what it has.
    /// fn leave_alone<T: Operations>(handle: OwnedRequestHrTimerHandle<T>)
    /// where
    ///     T::RequestData: HasHrTimer<T::RequestData>,
    ///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequest<T, InFlight>>,
    /// {
    ///     handle.dismiss();
    /// }
    /// ```
    pub fn dismiss(mut self) {
        self.dismissed = true;
    }
}

// SAFETY: `drop` calls `cancel`, which stops the timer and waits for the callback. There are two
// exceptions: a handle that was dismissed, and a call from within the callback, which cannot return
// before the handle is dropped. Neither leaves anything that depends on the handle: the timer owns
// the request's initial count, and the callback owns its request.
unsafe impl<T> HrTimerHandle for OwnedRequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    fn cancel(&mut self) -> bool {
        let waiting = cancel(&self.rq);
        if waiting {
            // SAFETY: A timer of this kind is only ever started by consuming an owner, which is
            // then the timer's. The timer was removed from its queue by this very call, so the
            // callback will not get the owner, and nobody else did.
            self.owner = Some(unsafe { OwnedRequest::from_raw(NonNull::from(&*self.rq)) });
        }
        waiting
    }
}

impl<T> Drop for OwnedRequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    fn drop(&mut self) {
        if !self.dismissed {
            self.cancel();
        }
    }
}

impl<T> OwnedRequest<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    /// Starts the timer in the request's data, which takes the owner.
    ///
    /// The callback gets the owner, unless [`Request::cancel_timer`] takes it out before.
    ///
    /// May be called from process, softirq and hardirq context.
    ///
    /// # Examples
    ///
    /// A driver that takes a millisecond for everything:
    ///
    /// ```
    /// use kernel::{
    ///     block::mq::*,
    ///     impl_has_hr_timer,
    ///     prelude::*,
    ///     time::{
    ///         hrtimer::{HrTimer, HrTimerCallback, HrTimerRestart, RelativeMode},
    ///         Delta,
    ///         Monotonic,
    ///     },
    /// };
    ///
    /// struct Slow;
    ///
    /// #[pin_data]
    /// struct SlowData {
    ///     #[pin]
    ///     timer: HrTimer<Self>,
    /// }
    ///
    /// impl_has_hr_timer! {
    ///     impl HasHrTimer<Self> for SlowData {
    ///         mode: RelativeMode<Monotonic>, field: self.timer
    ///     }
    /// }
    ///
    /// impl HrTimerCallback for SlowData {
    ///     type Pointer<'a> = OwnedRequest<Slow, InFlight>;
    ///
    ///     fn run(rq: OwnedRequest<Slow, InFlight>, (): ()) -> HrTimerRestart {
    ///         rq.end_ok();
    ///         HrTimerRestart::NoRestart
    ///     }
    /// }
    ///
    /// #[vtable]
    /// impl Operations for Slow {
    ///     type QueueData = ();
    ///     type RequestData = SlowData;
    ///
    ///     fn new_request_data() -> impl PinInit<SlowData, Error> {
    ///         try_pin_init!(SlowData { timer <- HrTimer::new() })
    ///     }
    ///
    ///     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
    ///         rq.start().start_timer(Delta::from_millis(1));
    ///         Ok(())
    ///     }
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn start_timer(self, expires: Expires<T>) {
        let data: *const T::RequestData = self.data();
        // The timer may expire before `start` returns, so the owner has to be given up first.
        self.into_raw();
        // SAFETY: `data` is valid: it lives until the request's private area is torn down, and
        // dropping it then cancels the timer. Until the timer expires or is cancelled it owns the
        // initial count of the request. Only while it is queued it has the owner, which was here,
        // and it takes the owner to start it. So it is not queued, nor does anybody else start it.
        unsafe { <T::RequestData as HasHrTimer<_>>::start_inactive(data, expires) };
    }
}

mod private {
    use super::*;

    pub trait FromHead<T: Operations>: Sized {
        /// Takes from the timer of a request what it owned.
        ///
        /// # Safety
        ///
        /// The timer of the request `head` was started by consuming a value of this kind, and was
        /// removed from its queue, or expired, since then. This is not called twice for that.
        /// Nobody has changed how the requests are linked meanwhile.
        unsafe fn from_head(head: NonNull<Request<T>>) -> Self;
    }
}

use private::FromHead;

/// What a timer in the data of a request may own: the owner of that request, or those of several.
///
/// # Examples
///
/// What a time-out handler can do for any driver whose requests wait in timers:
///
/// ```
/// use kernel::{
///     block::mq::*,
///     time::hrtimer::{HasHrTimer, HrTimerCallback}, //
/// };
///
/// fn take_out<T: Operations, P: TimerOwner<T>>(rq: &Request<T>) -> Option<P>
/// where
///     T::RequestData: HasHrTimer<T::RequestData>,
///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = P>,
/// {
///     rq.cancel_timer()
/// }
/// ```
pub trait TimerOwner<T: Operations>: FromHead<T> {}

impl<T: Operations> FromHead<T> for OwnedRequest<T, InFlight> {
    #[inline]
    unsafe fn from_head(head: NonNull<Request<T>>) -> Self {
        // SAFETY: The timer had the right to the request and its initial count, and has them no
        // more, by the requirements of this function.
        unsafe { Self::from_raw(head) }
    }
}

impl<T: Operations> TimerOwner<T> for OwnedRequest<T, InFlight> {}

impl<T: Operations> FromHead<T> for OwnedRequests<T, InFlight> {
    #[inline]
    unsafe fn from_head(head: NonNull<Request<T>>) -> Self {
        // SAFETY: By the requirements of this function the timer had the rights to what is linked
        // to this request, with the initial counts, and has them no more; and all is linked as in
        // the value that it was started by.
        unsafe { Self::from_raw(head.as_ptr().cast()) }
    }
}

impl<T: Operations> TimerOwner<T> for OwnedRequests<T, InFlight> {}

/// Takes from a timer that expired what it owned.
///
/// # Safety
///
/// As for [`RawHrTimerCallback::run`], for a timer that was started by consuming a value of type
/// `P`.
#[inline]
unsafe fn expired<T, P>(ptr: *mut bindings::hrtimer) -> P
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    P: TimerOwner<T>,
{
    // SAFETY: By the requirements of this function `ptr` lies in a `T::RequestData`. `HrTimer` is
    // `repr(C)` and begins with the C timer.
    let data = unsafe { <T::RequestData as HasHrTimer<_>>::timer_container_of(ptr.cast()) };
    // SAFETY: Timers of this kind are started in the data of a request.
    let head = unsafe { Pdu::<T>::request_of_data(data) };
    // SAFETY: By the requirements of this function; the callback is called once for each time that
    // the timer expires. Until then the requests were the timer's, so that nobody had an owner to
    // link one of them by, and the block layer has in none of its lists what is owned.
    unsafe { P::from_head(head) }
}

impl<T> Request<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    /// Stops the timer in the request's data, and takes from it what it owns: the owner of this
    /// request, or those of a [`RequestChain`] of which this is the first.
    ///
    /// Returns [`None`] if the timer owns nothing, as do those of all but the first request of a
    /// chain, or if its callback is running at this moment. Never waits.
    ///
    /// May be called from process, softirq and hardirq context.
    ///
    /// # Examples
    ///
    /// A time-out handler for requests that wait in their timers:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     time::hrtimer::{HasHrTimer, HrTimerCallback}, //
    /// };
    ///
    /// fn timeout<T: Operations>(rq: &Request<T>) -> TimeoutAction
    /// where
    ///     T::RequestData: HasHrTimer<T::RequestData>,
    ///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequest<T, InFlight>>,
    /// {
    ///     if let Some(rq) = rq.cancel_timer() {
    ///         rq.end(Status::TIMEOUT);
    ///     }
    ///     TimeoutAction::Done
    /// }
    /// ```
    pub fn cancel_timer<P>(&self) -> Option<P>
    where
        P: TimerOwner<T>,
        T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = P>,
    {
        // SAFETY: The timer lies in `self.data()` and so is valid.
        if !unsafe { HrTimer::raw_try_to_cancel(timer_of(self)) } {
            return None;
        }
        // SAFETY: A timer of this kind is only ever started by consuming a `P`, which is then the
        // timer's. The timer was removed from its queue by this very call, so the callback will not
        // get it, and nobody else did. As in `expired`, the links have not changed.
        Some(unsafe { P::from_head(NonNull::from(self)) })
    }
}

impl<T> OwnedRequests<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    /// Starts the timer in the data of the first request, which takes the owners of all of them.
    ///
    /// The callback gets the owners, unless [`Request::cancel_timer`] of the first request takes
    /// them out before. Each request has a time-out of its own meanwhile; what
    /// [`Operations::timeout`] can do is to cancel the timer of the first, and so end all of them.
    /// If there are no requests this does nothing.
    ///
    /// May be called from process, softirq and hardirq context.
    ///
    /// # Examples
    ///
    /// A callback that gives the device some more time for what it has not done:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     time::{
    ///         hrtimer::{HasHrTimer, HrTimerCallback, RelativeMode},
    ///         Delta,
    ///         Monotonic, //
    ///     },
    /// };
    ///
    /// fn run<T: Operations>(all_done: bool, requests: OwnedRequests<T, InFlight>)
    /// where
    ///     T::RequestData: HasHrTimer<T::RequestData, TimerMode = RelativeMode<Monotonic>>,
    ///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequests<T, InFlight>>,
    /// {
    ///     if all_done {
    ///         requests.end(|_| Status::OK);
    ///     } else {
    ///         requests.start_timer(Delta::from_millis(1));
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn start_timer(self, expires: Expires<T>) {
        // The timer may expire before `start` returns, so the owners have to be given up first.
        let Some(head) = NonNull::new(self.into_raw().cast::<Request<T>>()) else {
            return;
        };
        // SAFETY: By the type invariant, the invariants of `Request` hold for it.
        let data: *const T::RequestData = unsafe { head.as_ref() }.data();
        // SAFETY: `data` is valid: it lives until the request's private area is torn down, and
        // dropping it then cancels the timer. Until the timer expires or is cancelled it owns the
        // initial count of the request, and those of the requests that are linked to it. As above,
        // it is not queued, nor does anybody else start it.
        unsafe { <T::RequestData as HasHrTimer<_>>::start_inactive(data, expires) };
    }
}

impl<T> RequestChain<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequests<T, InFlight>>,
{
    /// Starts the timer in the data of the first request, which takes the owners of all of them.
    ///
    /// This is [`OwnedRequests::start_timer`].
    ///
    /// May be called from process, softirq and hardirq context.
    ///
    /// # Examples
    ///
    /// A driver that takes a millisecond for everything, and has one timer for what came together:
    ///
    /// ```
    /// use kernel::{
    ///     block::{mq::*, Status},
    ///     impl_has_hr_timer,
    ///     prelude::*,
    ///     time::{
    ///         hrtimer::{HrTimer, HrTimerCallback, HrTimerRestart, RelativeMode},
    ///         Delta,
    ///         Monotonic,
    ///     },
    /// };
    ///
    /// struct Slow;
    ///
    /// #[pin_data]
    /// struct SlowData {
    ///     #[pin]
    ///     timer: HrTimer<Self>,
    /// }
    ///
    /// impl_has_hr_timer! {
    ///     impl HasHrTimer<Self> for SlowData {
    ///         mode: RelativeMode<Monotonic>, field: self.timer
    ///     }
    /// }
    ///
    /// impl HrTimerCallback for SlowData {
    ///     type Pointer<'a> = OwnedRequests<Slow, InFlight>;
    ///
    ///     fn run(requests: OwnedRequests<Slow, InFlight>, (): ()) -> HrTimerRestart {
    ///         requests.end(|_| Status::OK);
    ///         HrTimerRestart::NoRestart
    ///     }
    /// }
    ///
    /// #[vtable]
    /// impl Operations for Slow {
    ///     type QueueData = ();
    ///     type RequestData = SlowData;
    ///
    ///     fn new_request_data() -> impl PinInit<SlowData, Error> {
    ///         try_pin_init!(SlowData { timer <- HrTimer::new() })
    ///     }
    ///
    ///     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
    ///         OwnedRequests::from(rq.start()).start_timer(Delta::from_millis(1));
    ///         Ok(())
    ///     }
    ///
    ///     fn queue_rqs((): (), requests: &mut RequestList<'_, Self>) {
    ///         let mut chain = RequestChain::new();
    ///         for rq in requests {
    ///             chain.push_back(rq.start());
    ///         }
    ///         chain.start_timer(Delta::from_millis(1));
    ///     }
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn start_timer(self, expires: Expires<T>) {
        self.into_iter().start_timer(expires);
    }
}

impl<T> HrTimerPointer for OwnedRequest<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type TimerMode = Mode<T>;
    type TimerHandle = OwnedRequestHrTimerHandle<T>;

    fn start(self, expires: Expires<T>) -> Self::TimerHandle {
        let rq = ARef::from(&*self);
        self.start_timer(expires);
        OwnedRequestHrTimerHandle {
            rq,
            owner: None,
            dismissed: false,
        }
    }
}

impl<T> RawHrTimerCallback for OwnedRequest<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type CallbackTarget<'a> = Self;

    // The callback may end the request, and another CPU may start the timer for the next one, all
    // before the callback returns. So it cannot forward or restart the timer, other than by
    // starting it with the owner that it has; what it returns is not followed.
    type Context<'a, U: HasHrTimer<U>> = ();

    unsafe extern "C" fn run(ptr: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the requirement of this function `ptr` is a timer that was started through a
        // pointer of this type, by `OwnedRequest::start_timer`.
        let _ = T::RequestData::run(unsafe { expired::<T, Self>(ptr) }, ());
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}

impl<T> RawHrTimerCallback for OwnedRequests<T, InFlight>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type CallbackTarget<'a> = Self;
    // As above.
    type Context<'a, U: HasHrTimer<U>> = ();

    unsafe extern "C" fn run(ptr: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the requirement of this function `ptr` is a timer that was started through a
        // pointer of this type, by `OwnedRequests::start_timer`.
        let _ = T::RequestData::run(unsafe { expired::<T, Self>(ptr) }, ());
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}
