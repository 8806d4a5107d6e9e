// SPDX-License-Identifier: GPL-2.0

//! Timers that have references to requests.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use super::{
    cancel,
    in_callback,
    Expires,
    Mode, //
};
use crate::{
    bindings,
    block::mq::{
        request::pdu::Pdu,
        Operations,
        Request, //
    },
    pr_warn_once,
    sync::aref::ARef,
    time::hrtimer::{
        HasHrTimer,
        HrTimerCallback,
        HrTimerExpires,
        HrTimerHandle,
        HrTimerMode,
        HrTimerPointer,
        HrTimerRestart,
        RawHrTimerCallback, //
    },
};
use core::marker::PhantomData;

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
