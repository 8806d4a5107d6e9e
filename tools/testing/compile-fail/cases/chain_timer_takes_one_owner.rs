// SPDX-License-Identifier: GPL-2.0

//! What comes out of the timer of a chain is all of it.
//@ error: E0308
//@ message: expected `Option<OwnedRequest<Together, ...>>`, found `Option<OwnedRequests

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Out = OwnedRequests<Together, InFlight>;
#[cfg(wrong)]
type Out = OwnedRequest<Together, InFlight>;

fn take_out(rq: &Request<Together>) -> Option<Out> {
    rq.cancel_timer()
}
