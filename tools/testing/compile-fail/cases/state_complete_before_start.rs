// SPDX-License-Identifier: GPL-2.0

//! A request that was not started cannot be completed.
//@ error: E0599
//@ message: no method named `complete` found for struct `OwnedRequest<T, Idle<'_>>`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    rq.complete();
}
