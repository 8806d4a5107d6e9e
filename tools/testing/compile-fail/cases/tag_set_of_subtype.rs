// SPDX-License-Identifier: GPL-2.0

//! The tag set of a driver cannot be converted into a tag set of a supertype, which is another
//! driver.
//@ error: E0308
//@ message: one type is more general than the other

include!("../prelude.rs");
include!("../subtypes.rs");

fn confuse(tag_set: Arc<TagSet<Sub>>) -> Arc<TagSet<Same>> {
    tag_set
}
