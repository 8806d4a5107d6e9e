// SPDX-License-Identifier: GPL-2.0

//! A request that is being completed cannot be parked, because its timeout could claim it.
//@ error: E0599
//@ message: no method named `park` found for struct `OwnedRequest<T, Complete>`

include!("../prelude.rs");

fn complete<T: Operations>(rq: OwnedRequest<T, Complete>) {
    #[cfg(right)]
    rq.end_ok();
    #[cfg(wrong)]
    rq.park();
}
