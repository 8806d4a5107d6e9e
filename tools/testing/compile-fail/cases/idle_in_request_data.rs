// SPDX-License-Identifier: GPL-2.0

//! An idle request belongs to a call, and cannot be stored in request data.
//@ error: E0521
//@ message: borrowed data escapes outside of associated function

include!("../prelude.rs");

use kernel::{
    new_mutex,
    sync::Mutex, //
};

#[cfg(right)]
type Stashed = InFlight;
#[cfg(wrong)]
type Stashed = Idle<'static>;

#[pin_data]
struct Data {
    #[pin]
    other: Mutex<Option<OwnedRequest<Driver, Stashed>>>,
}

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        pin_init!(Data { other <- new_mutex!(None) })
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        let place = ARef::from(&*rq);
        #[cfg(right)]
        let rq = rq.start();
        *place.data().other.lock() = Some(rq);
        Ok(())
    }
}
