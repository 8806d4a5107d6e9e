// SPDX-License-Identifier: GPL-2.0

//! A disk holds a reference to its tag set, and cannot borrow it.
//@ error: E0308
//@ message: expected `Arc<TagSet<T>>`, found `&TagSet<T>`

include!("../prelude.rs");

fn make<T: Operations>(
    #[cfg(right)] tag_set: Arc<TagSet<T>>,
    #[cfg(wrong)] tag_set: &TagSet<T>,
    queue_data: T::QueueData,
) -> Result<GenDisk<T>> {
    GenDiskBuilder::new().build::<T>(c"disk", tag_set, queue_data)
}
