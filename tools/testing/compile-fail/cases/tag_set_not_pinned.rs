// SPDX-License-Identifier: GPL-2.0

//! A tag set cannot be moved, because the block layer points to it.
//@ error: E0277
//@ message: the trait `Init<TagSet<T>, _>` is not implemented for `impl PinInit<TagSet<_>, Error>`

include!("../prelude.rs");

fn tag_set<T: Operations>() -> Result {
    let new = TagSet::new(TagSetBuilder::new());
    #[cfg(right)]
    let _tag_set = <KBox<TagSet<T>>>::pin_init(new, GFP_KERNEL)?;
    #[cfg(wrong)]
    let _tag_set = <KBox<TagSet<T>>>::init(new, GFP_KERNEL)?;
    Ok(())
}
