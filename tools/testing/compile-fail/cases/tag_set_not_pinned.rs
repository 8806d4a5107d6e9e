// SPDX-License-Identifier: GPL-2.0

//! A tag set, which the block layer points to, cannot be made where it could be moved away.
//@ error: E0277
//@ message: x

include!("../prelude.rs");

fn tag_set<T: Operations>() -> Result {
    let new = TagSet::<T>::new(TagSetBuilder::new());
    #[cfg(right)]
    let _tag_set = KBox::pin_init(new, GFP_KERNEL)?;
    #[cfg(wrong)]
    let _tag_set = KBox::init(new, GFP_KERNEL)?;
    Ok(())
}
