// SPDX-License-Identifier: GPL-2.0

//! The disk of a driver cannot be converted into a disk of a supertype, which is another
//! driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse(disk: GenDisk<Sub>) -> GenDisk<Same> {
    disk
}
