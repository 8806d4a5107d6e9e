// SPDX-License-Identifier: GPL-2.0

//! A list of requests of a driver cannot be converted into a list of a supertype, which is
//! another driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse(requests: RequestList<Sub, InFlight>) -> RequestList<Same, InFlight> {
    requests
}
