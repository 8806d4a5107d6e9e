// SPDX-License-Identifier: GPL-2.0

//! Timers in the driver data of requests.
//!
//! A driver that puts a [`HrTimer`] into its [`Operations::RequestData`] can start it through one
//! of two kinds of pointer, which it names in its [`HrTimerCallback`]:
//!
//! * An [`OwnedRequest`]: the timer takes the owner, and the callback gets it by value. No
//!   reference count is touched. This is for drivers that end requests by timer.
//! * An [`ARef<Request<T>>`](Request): the timer keeps a reference, and the callback gets one. The
//!   request may have been ended meanwhile, or requeued and started anew; the reference says
//!   nothing about that. This is for drivers that watch over requests.
//!
//! What happens when the timer owns the request, and when it has a reference, and
//!
//! * the timer is started again: only the owner can, that is, after it came out; with a reference,
//!   the expiry is moved.
//! * the callback wants to be called again: it starts the timer with the owner it got; with a
//!   reference, it tells its [context](RequestHrTimerContext) when.
//! * the handle is cancelled: the owner comes out, see [`OwnedRequestHrTimerHandle::into_owner`];
//!   with a reference, the timer stops.
//! * the handle is dropped: as cancelled, and an owner that came out is dropped with it.
//! * the handle is dropped in the callback: this does not wait; with a reference, it warns once and
//!   leaks the reference.
//! * the handle is leaked: the timer runs, and a reference is leaked, in both cases.
//! * the request ends first: that cannot be, as the timer owns it; with a reference, the callback
//!   runs on the ended request.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use super::{
    pdu::Pdu,
    InFlight,
    OwnedRequest,
    Request, //
};
use crate::{
    bindings,
    block::mq::Operations,
    pr_warn_once,
    sync::aref::ARef,
    time::hrtimer::{
        HasHrTimer,
        HrTimer,
        HrTimerCallback,
        HrTimerExpires,
        HrTimerHandle,
        HrTimerMode,
        HrTimerPointer,
        HrTimerRestart,
        RawHrTimerCallback, //
    },
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

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

// The timer owns the request.

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
        // initial count of the request.
        unsafe { <T::RequestData as HasHrTimer<_>>::start(data, expires) };
    }
}

impl<T> Request<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = OwnedRequest<T, InFlight>>,
{
    /// Stops the timer that owns the request, and takes the owner from it.
    ///
    /// Returns [`None`] if the timer does not own the request, or if its callback is running at
    /// this moment. Never waits.
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
    pub fn cancel_timer(&self) -> Option<OwnedRequest<T, InFlight>> {
        // SAFETY: The timer lies in `self.data()` and so is valid.
        if !unsafe { HrTimer::raw_try_to_cancel(timer_of(self)) } {
            return None;
        }
        // SAFETY: A timer of this kind is only ever started by consuming an owner, which is then
        // the timer's. The timer was removed from its queue by this very call, so the callback
        // will not get the owner, and nobody else did.
        Some(unsafe { OwnedRequest::from_raw(NonNull::from(self)) })
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
        // pointer of this type, so it lies in a `T::RequestData`. `HrTimer` is `repr(C)` and begins
        // with the C timer.
        let data = unsafe { <T::RequestData as HasHrTimer<_>>::timer_container_of(ptr.cast()) };
        // SAFETY: `start_timer` started the timer in the data of a request.
        let rq = unsafe { Pdu::<T>::request_of_data(data) };
        // SAFETY: The timer owned the request, and expired, so that it does not any more.
        let rq = unsafe { OwnedRequest::from_raw(rq) };
        let _ = T::RequestData::run(rq, ());
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}

// The timer has a reference.

/// A handle for the timer of a request that the timer has a reference to.
///
/// Returned by [`HrTimerPointer::start`] for an [`ARef<Request<T>>`](Request), and owner of that
/// reference.
///
/// # Examples
///
/// Watching over a request for some time:
///
/// ```
/// use kernel::{
///     block::mq::*,
///     sync::aref::ARef,
///     time::{
///         hrtimer::{HasHrTimer, HrTimerCallback, HrTimerPointer, RelativeMode},
///         Delta,
///         Monotonic,
///     },
/// };
///
/// fn watch<T: Operations>(rq: &Request<T>) -> RequestHrTimerHandle<T>
/// where
///     T::RequestData: HasHrTimer<T::RequestData, TimerMode = RelativeMode<Monotonic>>,
///     T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = ARef<Request<T>>>,
/// {
///     ARef::from(rq).start(Delta::from_millis(500))
/// }
/// ```
pub struct RequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    rq: ARef<Request<T>>,
}

// SAFETY: `drop` calls `cancel`, which stops the timer and waits for the callback. The exception is
// a call from within the callback, which cannot return before the handle is dropped; the callback
// does not depend on the handle, because `drop` then leaves the handle's count in place.
unsafe impl<T> HrTimerHandle for RequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    fn cancel(&mut self) -> bool {
        cancel(&self.rq)
    }
}

impl<T> Drop for RequestHrTimerHandle<T>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
{
    fn drop(&mut self) {
        if in_callback(&self.rq) {
            // The timer may have been started again and cannot be removed before the callback
            // returns. The count that it relies on must stay.
            pr_warn_once!(
                "block: a timer's handle was dropped in its callback; leaking a request\n"
            );
            core::mem::forget(self.rq.clone());
            return;
        }
        self.cancel();
    }
}

impl<T> HrTimerPointer for ARef<Request<T>>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type TimerMode = Mode<T>;
    type TimerHandle = RequestHrTimerHandle<T>;

    fn start(self, expires: Expires<T>) -> Self::TimerHandle {
        // SAFETY: The data is valid while the count that `self` owns is held. It moves into the
        // handle, which stops the timer before it drops the count.
        unsafe { <T::RequestData as HasHrTimer<_>>::start(self.data(), expires) };
        RequestHrTimerHandle { rq: self }
    }
}

/// What the callback of a timer that has a reference can do with its timer.
///
/// # Examples
///
/// A timer that expires once in a millisecond, until its handle is dropped:
///
/// ```
/// use kernel::{
///     block::mq::*,
///     impl_has_hr_timer,
///     prelude::*,
///     sync::aref::ARef,
///     time::{
///         hrtimer::{HrTimer, HrTimerCallback, HrTimerRestart, RelativeMode},
///         Delta,
///         Monotonic, //
///     }, //
/// };
///
/// struct Watched;
///
/// #[pin_data]
/// struct WatchedData {
///     #[pin]
///     timer: HrTimer<Self>,
/// }
///
/// impl_has_hr_timer! {
///     impl HasHrTimer<Self> for WatchedData {
///         mode: RelativeMode<Monotonic>, field: self.timer
///     }
/// }
///
/// impl HrTimerCallback for WatchedData {
///     type Pointer<'a> = ARef<Request<Watched>>;
///
///     fn run(
///         _rq: ARef<Request<Watched>>,
///         mut context: RequestHrTimerContext<'_, Self>,
///     ) -> HrTimerRestart {
///         context.restart_at(Delta::from_millis(1));
///         HrTimerRestart::Restart
///     }
/// }
/// # #[vtable]
/// # impl Operations for Watched {
/// #     type QueueData = ();
/// #     type RequestData = WatchedData;
/// #
/// #     fn new_request_data() -> impl PinInit<WatchedData, Error> {
/// #         try_pin_init!(WatchedData { timer <- HrTimer::new() })
/// #     }
/// #
/// #     fn queue_rq((): (), rq: OwnedRequest<Self, Idle>, _is_last: bool) -> QueueResult<Self> {
/// #         rq.start().end_ok();
/// #         Ok(())
/// #     }
/// # }
/// # Ok::<(), Error>(())
/// ```
pub struct RequestHrTimerContext<'a, U> {
    // As the timer's mode wants it, in nanoseconds.
    again: &'a mut Option<i64>,
    _p: PhantomData<fn(U) -> U>,
}

impl<U: HasHrTimer<U>> RequestHrTimerContext<'_, U> {
    /// Says when the timer is to expire again, if the callback returns [`HrTimerRestart::Restart`].
    ///
    /// Without this the timer is not restarted, whatever the callback returns.
    pub fn restart_at(&mut self, expires: <U::TimerMode as HrTimerMode>::Expires) {
        *self.again = Some(expires.as_nanos());
    }
}

impl<T> RawHrTimerCallback for ARef<Request<T>>
where
    T: Operations,
    T::RequestData: HasHrTimer<T::RequestData>,
    T::RequestData: for<'a> HrTimerCallback<Pointer<'a> = Self>,
{
    type CallbackTarget<'a> = Self;
    type Context<'a, U: HasHrTimer<U>> = RequestHrTimerContext<'a, U>;

    unsafe extern "C" fn run(ptr: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the requirement of this function `ptr` is a timer that was started through a
        // pointer of this type, so it lies in a `T::RequestData`. `HrTimer` is `repr(C)` and begins
        // with the C timer.
        let data = unsafe { <T::RequestData as HasHrTimer<_>>::timer_container_of(ptr.cast()) };
        // SAFETY: `start` started the timer in the data of a request.
        let rq = unsafe { Pdu::<T>::request_of_data(data) };
        // SAFETY: The handle that `start` returned has a count. It was leaked, or it is alive, or
        // its drop is waiting for this callback.
        let rq: ARef<Request<T>> = unsafe { rq.as_ref() }.into();
        // A count for the time after the driver's callback, which drops the one that it is given.
        let keep = rq.clone();
        let mut again = None;
        let context = RequestHrTimerContext {
            again: &mut again,
            _p: PhantomData,
        };
        if T::RequestData::run(rq, context) == HrTimerRestart::NoRestart {
            again = None;
        }
        if let Some(expires) = again {
            // Another CPU may start the timer at this moment. Starting takes the lock for that,
            // which forwarding the timer and returning "restart" would not.
            // SAFETY: The data is valid while `keep` lives, and then for as long as a handle does;
            // the last handle to be dropped stops the timer.
            unsafe {
                bindings::hrtimer_start_range_ns(
                    <T::RequestData as HasHrTimer<_>>::c_timer_ptr(keep.data()).cast_mut(),
                    expires,
                    0,
                    <Mode<T> as HrTimerMode>::C_MODE,
                )
            };
        }
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}
