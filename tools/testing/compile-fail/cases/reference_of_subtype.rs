// SPDX-License-Identifier: GPL-2.0

//! A reference to a request of a driver cannot be converted into a reference of a supertype,
//! which is another driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse(rq: ARef<Request<Sub>>) -> ARef<Request<Same>> {
    rq
}
