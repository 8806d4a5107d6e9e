// SPDX-License-Identifier: GPL-2.0

//! A request must be started before it is parked.
//@ error: E0599
//@ message: no method named `park` found for struct `OwnedRequest<T, Idle<'_>>`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    rq.park();
}
