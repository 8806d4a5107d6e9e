// SPDX-License-Identifier: GPL-2.0

//! A reference cannot requeue the request.
//@ error: E0599
//@ message: no method named `requeue` found for reference `&Request<T>`

include!("../prelude.rs");

fn timeout<T: Operations>(rq: &Request<T>) {
    #[cfg(right)]
    if let Some(rq) = rq.claim() {
        rq.requeue(true);
    }
    #[cfg(wrong)]
    rq.requeue(true);
}
