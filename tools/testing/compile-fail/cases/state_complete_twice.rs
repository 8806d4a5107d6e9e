// SPDX-License-Identifier: GPL-2.0

//! A request that is being completed cannot be completed again.
//@ error: E0599
//@ message: no method named `complete` found for struct `OwnedRequest<T, Complete>`

include!("../prelude.rs");

#[cfg(right)]
type Reached = InFlight;
#[cfg(wrong)]
type Reached = Complete;

fn complete<T: Operations>(rq: OwnedRequest<T, Reached>) {
    rq.complete();
}
