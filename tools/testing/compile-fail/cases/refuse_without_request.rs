// SPDX-License-Identifier: GPL-2.0

//! An error comes with the request that it is about; an errno will not do.
//@ error: E0308
//@ message: mismatched types; expected `Refused<'_, T>`, found `Error`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> QueueResult<'_, T> {
    #[cfg(right)]
    let error = rq.refuse(Status::IOERR);
    #[cfg(wrong)]
    let error = EIO;
    Err(error)
}
