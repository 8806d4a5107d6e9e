// SPDX-License-Identifier: GPL-2.0

//! The completion modes (`irqmode`).
//!
//! There is one file for each, with functions of the same names, and one type, by which the code of
//! a device is chosen when it is powered on. To add a mode, add a file, and a row to the table in
//! `irq_mode`.
//!
//! [`Any`] stands for all modes. It is for devices that share their tags, and so must have one
//! type, and for those with features, which cost more than to look the mode up.

mod by_tag;
mod inline;
mod softirq;
mod timer;

use self::{
    by_tag::Rings,
    timer::TimerData, //
};
use crate::{
    irq_mode::{
        completion_modes,
        IrqMode, //
    },
    retained::Retained, //
};
use kernel::{
    block::{
        mq::{
            CompletionBatch,
            InFlight,
            Operations,
            OwnedRequest,
            RequestList,
            State,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// A request that was executed, and how that went.
pub(crate) type Done<T> = (OwnedRequest<T, InFlight>, Status);

/// A way to complete the requests of a driver `T`.
pub(crate) trait Completion: Sized + 'static {
    /// Whether that happens later, so that the status has to be kept with the request.
    const DEFERRED: bool;

    /// Whether the device may have features, so that execution does something.
    const FEATURES: bool;

    /// What is kept with each request.
    type Data<T: 'static>: HasStatus + Send + Sync + 'static;

    /// What is kept with each device.
    type Device<T: Operations>: Send + Sync + 'static;

    /// Returns an initializer for the data of a request.
    fn data<T>() -> impl PinInit<Self::Data<T>>
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Makes the data of a device.
    fn device<T>(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<Self::Device<T>>
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Completes a request.
    fn complete<T>(device: &Self::Device<T>, done: Done<T>)
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Completes a batch: requests that were submitted together.
    fn complete_all<T>(device: &Self::Device<T>, batch: impl Iterator<Item = Done<T>>)
    where
        T: Operations<RequestData = Self::Data<T>>;
}

/// What the data of a device is made from.
pub(crate) struct Setup<'a> {
    pub(crate) mode: IrqMode,
    pub(crate) latency: Delta,
    pub(crate) retained: &'a Arc<Retained>,
}

/// Data of a request that has a place for its status.
pub(crate) trait HasStatus {
    /// How the request went, as far as it has.
    fn status(&self) -> &AtomicStatus;
}

/// For modes that keep nothing else with a request.
impl HasStatus for AtomicStatus {
    #[inline(always)]
    fn status(&self) -> &AtomicStatus {
        self
    }
}

/// Makes the types out of the table of modes.
macro_rules! make_types {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident $type:ident, $data:ty, $device:ty;
    )*) => {
        $(
            $(#[$doc])*
            pub(crate) enum $type {}

            impl Completion for $type {
                const DEFERRED: bool = $file::DEFERRED;
                const FEATURES: bool = false;

                type Data<T: 'static> = $data;
                type Device<T: Operations> = $device;

                fn data<T>() -> impl PinInit<$data>
                where
                    T: Operations<RequestData = $data>,
                {
                    $file::data()
                }

                fn device<T>(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<$device>
                where
                    T: Operations<RequestData = $data>,
                {
                    $file::device(setup, tag_set)
                }

                #[inline(always)]
                fn complete<T>(device: &$device, done: Done<T>)
                where
                    T: Operations<RequestData = $data>,
                {
                    $file::complete(device, done);
                }

                #[inline(always)]
                fn complete_all<T>(device: &$device, batch: impl Iterator<Item = Done<T>>)
                where
                    T: Operations<RequestData = $data>,
                {
                    if Self::DEFERRED {
                        $file::complete_list(device, keep_all(batch));
                    } else {
                        end_each(batch);
                    }
                }
            }
        )*

        /// In the mode that the device is configured for.
        pub(crate) enum Any {}

        /// What is kept with a device of any mode.
        pub(crate) enum AnyDevice<T: Operations> {
            $($mode($device),)*
        }

        impl Completion for Any {
            const DEFERRED: bool = true;
            const FEATURES: bool = true;

            // A timer has a place in it, and the other modes need no more than a status.
            type Data<T: 'static> = TimerData<T>;
            type Device<T: Operations> = AnyDevice<T>;

            fn data<T>() -> impl PinInit<TimerData<T>>
            where
                T: Operations<RequestData = TimerData<T>>,
            {
                timer::data()
            }

            fn device<T>(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<AnyDevice<T>>
            where
                T: Operations<RequestData = TimerData<T>>,
            {
                Ok(match setup.mode {
                    $(IrqMode::$mode => AnyDevice::$mode($file::device(setup, tag_set)?),)*
                })
            }

            #[inline(always)]
            fn complete<T>(device: &AnyDevice<T>, done: Done<T>)
            where
                T: Operations<RequestData = TimerData<T>>,
            {
                match device {
                    $(AnyDevice::$mode(device) => $file::complete(device, done),)*
                }
            }

            #[inline(always)]
            fn complete_all<T>(device: &AnyDevice<T>, batch: impl Iterator<Item = Done<T>>)
            where
                T: Operations<RequestData = TimerData<T>>,
            {
                let list = keep_all(batch);
                match device {
                    $(AnyDevice::$mode(device) => $file::complete_list(device, list),)*
                }
            }
        }
    };
}

completion_modes!(make_types);

/// Returns an initializer for the data of a request, in modes that keep nothing but the status.
fn only_status() -> impl PinInit<AtomicStatus> {
    AtomicStatus::new(Status::OK)
}

/// Keeps the status with the request. It holds no error yet, or that the request has timed out.
#[inline(always)]
fn keep_status<T: Operations<RequestData: HasStatus>>(
    (rq, status): Done<T>,
) -> OwnedRequest<T, InFlight> {
    if !status.is_ok() {
        rq.data().status().store(status);
    }
    rq
}

/// Keeps the status of each request with it, and links them together.
#[inline(always)]
fn keep_all<T: Operations<RequestData: HasStatus>>(
    requests: impl Iterator<Item = Done<T>>,
) -> RequestList<T, InFlight> {
    let mut list = RequestList::new();
    for done in requests {
        list.push_back(keep_status(done));
    }
    list
}

/// Ends requests with the status that is kept with each.
#[inline(always)]
pub(crate) fn end_all<T, S>(requests: RequestList<T, S>)
where
    T: Operations<RequestData: HasStatus>,
    S: State,
{
    requests.end(|rq| rq.data().status().load());
}

/// Ends each request of a batch when the next one has come, or there is none.
///
/// For a request without another, a `CompletionBatch` does not pay.
#[inline(always)]
fn end_each<T: Operations>(batch: impl Iterator<Item = Done<T>>) {
    CompletionBatch::scope(|completed| {
        let mut last = None;
        for done in batch {
            if let Some((rq, status)) = last.replace(done) {
                rq.end_batched(status, completed);
            }
        }
        match last {
            Some((rq, status)) if completed.is_empty() => rq.end(status),
            Some((rq, status)) => rq.end_batched(status, completed),
            None => (),
        }
    });
}
