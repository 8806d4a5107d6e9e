// SPDX-License-Identifier: GPL-2.0

//! The refusal of a driver cannot be converted into a refusal of a supertype, which is another
//! driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse<'call>(refused: Refused<'call, Sub>) -> Refused<'call, Same> {
    refused
}
