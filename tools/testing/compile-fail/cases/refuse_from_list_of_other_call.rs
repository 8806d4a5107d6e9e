// SPDX-License-Identifier: GPL-2.0

//! A request from the list of one call cannot be refused in another.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn submit<'call, 'other, T: Operations>(
    rq: OwnedRequest<T, Idle<'call>>,
    others: &mut RequestList<T, Idle<'other>>,
) -> QueueResult<'call, T> {
    #[cfg(wrong)]
    if let Some(other) = others.pop_front() {
        rq.start().end_ok();
        return Err(other.refuse(Status::RESOURCE));
    }
    others.end_idle();
    Err(rq.refuse(Status::RESOURCE))
}

trait EndIdle {
    fn end_idle(&mut self);
}

impl<T: Operations> EndIdle for RequestList<T, Idle<'_>> {
    fn end_idle(&mut self) {
        core::mem::take(self).end(|_| Status::IOERR);
    }
}
