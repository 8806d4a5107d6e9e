// SPDX-License-Identifier: GPL-2.0

//! A claimed request is in flight, and cannot be used as an idle one, which could be refused.
//@ error: E0308
//@ message: mismatched types; expected `OwnedRequest<T, Idle<'_>>`, found `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

#[cfg(right)]
type Claimed = InFlight;
#[cfg(wrong)]
type Claimed = Idle<'static>;

fn claim<T: Operations>(rq: &Request<T>) {
    if let Some(rq) = rq.claim() {
        let rq: OwnedRequest<T, Claimed> = rq;
        rq.end_ok();
    }
}
