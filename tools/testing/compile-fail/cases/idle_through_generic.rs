// SPDX-License-Identifier: GPL-2.0

//! An idle request cannot be passed to a generic function that stores its argument.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");

fn keep<R: Send + 'static>(rq: R) -> Option<R> {
    Some(rq)
}

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    if let Some(rq) = keep(rq) {
        rq.end_ok();
    }
}
