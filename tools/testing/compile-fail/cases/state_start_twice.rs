// SPDX-License-Identifier: GPL-2.0

//! A request cannot be started twice.
//@ error: E0599
//@ message: no method named `start` found for struct `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn begin<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> OwnedRequest<T, InFlight> {
    let rq = rq.start();
    #[cfg(wrong)]
    let rq = rq.start();
    rq
}
