// SPDX-License-Identifier: GPL-2.0

//! An error must come with the refused request; an errno is not enough.
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
