// SPDX-License-Identifier: GPL-2.0

//! The owner of a request of a driver cannot be converted into an owner of a supertype, which
//! is another driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse(rq: OwnedRequest<Sub, InFlight>) -> OwnedRequest<Same, InFlight> {
    rq
}
