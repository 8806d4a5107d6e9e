// SPDX-License-Identifier: GPL-2.0

//! A request that was not started cannot be parked, as no device knows its tag.
//@ error: E0599
//@ message: no method named `park` found for struct `OwnedRequest<T, Idle<'_>>`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    rq.park();
}
