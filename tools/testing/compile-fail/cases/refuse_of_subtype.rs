// SPDX-License-Identifier: GPL-2.0

//! The refusal of one driver cannot pass for that of a supertype of the driver, which is another
//! driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse<'call>(refused: Refused<'call, Sub>) -> Refused<'call, Same> {
    refused
}
