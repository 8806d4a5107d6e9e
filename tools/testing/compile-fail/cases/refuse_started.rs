// SPDX-License-Identifier: GPL-2.0

//! A request that was started cannot be refused.
//@ error: E0599
//@ message: no method named `refuse` found for struct `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> QueueResult<'_, T> {
    #[cfg(wrong)]
    let rq = rq.start();
    Err(rq.refuse(Status::RESOURCE))
}
