// SPDX-License-Identifier: GPL-2.0

//! A refusal cannot be constructed from its fields.
//@ error: E0451
//@ message: field `rq` of struct `Refused` is private
//@ error: E0451
//@ message: field `status` of struct `Refused` is private

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> QueueResult<'_, T> {
    #[cfg(right)]
    let refused = rq.refuse(Status::IOERR);
    #[cfg(wrong)]
    let refused = Refused {
        rq,
        status: Status::IOERR,
    };
    Err(refused)
}
