// SPDX-License-Identifier: GPL-2.0

//! A disk cannot use the tag set of another driver, whose requests have other data.
//@ error: E0308
//@ message: expected `Arc<TagSet<Disk>>`, found `Arc<TagSet<Tape>>`

include!("../prelude.rs");

fn make<Disk: Operations, Tape: Operations>(
    #[cfg(right)] tag_set: Arc<TagSet<Disk>>,
    #[cfg(wrong)] tag_set: Arc<TagSet<Tape>>,
    queue_data: Disk::QueueData,
) -> Result<GenDisk<Disk>> {
    GenDiskBuilder::new().build::<Disk>(c"disk", tag_set, queue_data)
}
