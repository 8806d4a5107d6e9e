// SPDX-License-Identifier: GPL-2.0

//! The completion modes (`irqmode`).
//!
//! Each mode has a file, with functions of the same names, and a type that implements
//! [`Completion`]. Power-on selects the type, and with it the code for the device. `irq_mode` has
//! the table of modes, and says how to add one.
//!
//! The type [`Any`] looks up the mode of the device for each request. It is for devices with
//! features, where the look-up costs little in comparison, and for devices that share their tags,
//! because all devices of a tag set have the same driver type. It is also for devices whose
//! latency varies from request to request: see `latency`.

mod latency;

use self::{
    latency::Latency,
    timer::TimerData, //
};
use crate::{
    irq_mode::{
        completion_modes,
        IrqMode, //
    },
    retained::Retained,
    settings::Config, //
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
        Status, //
    },
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// An executed request and its status.
pub(crate) type Done<T> = (OwnedRequest<T, InFlight>, Status);

/// A completion mode.
pub(crate) trait Completion: Sized + 'static {
    /// True if a request may end after [`complete`](Self::complete) returns. The status is then
    /// stored with the request.
    const DEFERRED: bool;

    /// True if the device may have features, such as zones. Otherwise, executing a request does
    /// nothing.
    const FEATURES: bool;

    /// The data of a request.
    type Data<T: 'static>: Send + Sync + 'static;

    /// The data of a device with the driver `T`.
    type Device<T: Operations>: Send + Sync + 'static;

    /// Returns an initializer for the data of a request.
    fn data<T>() -> impl PinInit<Self::Data<T>>
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Creates the data of a device. May sleep.
    fn device<T>(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<Self::Device<T>>
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Completes a request. Does not sleep.
    fn complete<T>(device: &Self::Device<T>, done: Done<T>)
    where
        T: Operations<RequestData = Self::Data<T>>;

    /// Completes a batch: requests that the block layer dispatched together. Each request is
    /// executed when the iterator is advanced to it.
    fn complete_all<T>(device: &Self::Device<T>, batch: impl Iterator<Item = Done<T>>)
    where
        T: Operations<RequestData = Self::Data<T>>;
}

/// The arguments for creating the data of a device.
pub(crate) struct Setup<'a> {
    pub(crate) config: &'a Config,
    pub(crate) retained: &'a Arc<Retained>,
}

/// Declares the file and defines the type of each row of the table of modes, and defines [`Any`].
macro_rules! make_types {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident, $type:ident, $data:ty, $device:ty;
    )*) => {
        $(mod $file;)*

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

        /// The mode that the device is configured for.
        pub(crate) enum Any {}

        /// The data of a device in any mode.
        pub(crate) enum AnyDevice<T: Operations> {
            $($mode($device),)*
            /// As `Timer`, with a latency that varies.
            Varied(Latency),
        }

        impl Completion for Any {
            const DEFERRED: bool = true;
            const FEATURES: bool = true;

            // The other modes need only the status in this; the mode `timer` needs its timer, too.
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
                if let Some(latency) = Latency::new(setup.config) {
                    return Ok(AnyDevice::Varied(latency));
                }
                Ok(match setup.config.irq_mode() {
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
                    AnyDevice::Varied(latency) => latency.complete(done),
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
                    AnyDevice::Varied(latency) => latency.complete_list(list),
                }
            }
        }
    };
}

completion_modes!(make_types);

/// Returns an initializer for the data of a request, in the modes that store none.
fn no_data() -> impl PinInit<()> {}

/// Stores the status with the request, if it is an error. Otherwise the stored status stays: it is
/// `OK`, or that of the timeout.
#[inline(always)]
fn keep_status<T: Operations>((rq, status): Done<T>) -> OwnedRequest<T, InFlight> {
    if !status.is_ok() {
        rq.status().store(status);
    }
    rq
}

/// Stores the status of each request with it, and returns the requests as a list.
#[inline(always)]
fn keep_all<T: Operations>(requests: impl Iterator<Item = Done<T>>) -> RequestList<T, InFlight> {
    let mut list = RequestList::new();
    for done in requests {
        list.push_back(keep_status(done));
    }
    list
}

/// Ends each request with the status that is stored with it. Does not sleep.
#[inline(always)]
pub(crate) fn end_all<T: Operations, S: State>(requests: RequestList<T, S>) {
    requests.end(|rq| rq.status().load());
}

/// Ends each request of a batch with its status. Does not sleep.
///
/// Each request waits in `last` until the next one arrives. So this finds out whether a batch has
/// only one request, and ends that one without the `CompletionBatch`, which would cost more than it
/// saves.
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
