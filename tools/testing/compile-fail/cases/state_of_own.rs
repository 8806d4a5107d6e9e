// SPDX-License-Identifier: GPL-2.0

//! A driver cannot define states of its own.
//@ error: E0277
//@ message: the trait bound `Resting: Sealed` is not satisfied

include!("../prelude.rs");

enum Resting {}

#[cfg(wrong)]
impl State for Resting {}

fn hold<T: Operations, S: State>(rq: OwnedRequest<T, S>) {
    rq.end_ok();
}

#[cfg(right)]
fn release<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    hold(rq);
}
