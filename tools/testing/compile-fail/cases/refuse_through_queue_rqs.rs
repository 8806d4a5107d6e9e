// SPDX-License-Identifier: GPL-2.0

//! A request that `queue_rqs` leaves belongs to its call, and cannot be refused in another one.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn submit<'call, #[cfg(wrong)] 'other, T: Operations<QueueData = ()>>(
    rq: OwnedRequest<T, Idle<'call>>,
    #[cfg(right)] others: RequestList<T, Idle<'call>>,
    #[cfg(wrong)] others: RequestList<T, Idle<'other>>,
) -> QueueResult<'call, T> {
    let mut left = T::queue_rqs((), RequestList::from(rq));
    for other in T::queue_rqs((), others) {
        left.push_back(other);
    }
    let first = left.pop_front();
    left.end(|_| Status::IOERR);
    first.map_or(Ok(()), |rq| Err(rq.refuse(Status::RESOURCE)))
}
