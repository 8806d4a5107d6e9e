// SPDX-License-Identifier: GPL-2.0

//! A generic function that keeps what it is given does not take an idle request.
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
