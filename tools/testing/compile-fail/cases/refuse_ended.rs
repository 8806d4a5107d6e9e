// SPDX-License-Identifier: GPL-2.0

//! A request that has ended cannot be refused.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> QueueResult<'_, T> {
    #[cfg(wrong)]
    rq.end(Status::IOERR);
    Err(rq.refuse(Status::IOERR))
}
