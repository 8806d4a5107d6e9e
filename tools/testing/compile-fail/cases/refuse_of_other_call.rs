// SPDX-License-Identifier: GPL-2.0

//! A driver cannot refuse a request of another call.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn submit<'call, 'other, T: Operations>(
    rq: OwnedRequest<T, Idle<'call>>,
    other: OwnedRequest<T, Idle<'other>>,
) -> QueueResult<'call, T> {
    #[cfg(right)]
    let (rq, other) = (rq, other);
    #[cfg(wrong)]
    let (rq, other) = (other, rq);
    other.end(Status::IOERR);
    Err(rq.refuse(Status::RESOURCE))
}
