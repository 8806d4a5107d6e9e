// SPDX-License-Identifier: GPL-2.0

//! An idle request belongs to a call, and cannot be stored in the queue data.
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
struct Stash {
    #[pin]
    rq: Mutex<Option<OwnedRequest<Driver, Stashed>>>,
}

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = Pin<KBox<Stash>>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        stash: Pin<&Stash>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        #[cfg(right)]
        let rq = rq.start();
        *stash.rq.lock() = Some(rq);
        Ok(())
    }
}
