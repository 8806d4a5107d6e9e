// SPDX-License-Identifier: GPL-2.0

//! Tests of making tag sets and disks, and of the parameters that they reject.

use super::{
    Data,
    Keeper,
    TestDisk, //
};
use crate::{
    block::mq::{
        GenDisk,
        GenDiskBuilder,
        TagSet,
        TagSetBuilder, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use core::convert::Infallible;

/// Request data that counts its values.
struct Counted;

static MADE: Atomic<u32> = Atomic::new(0);
static DROPPED: Atomic<u32> = Atomic::new(0);

impl Data for Counted {
    fn new() -> impl PinInit<Self> {
        pin_init::pin_init_scope(|| {
            MADE.add(1, Relaxed);
            Ok::<_, Infallible>(Counted)
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.add(1, Relaxed);
    }
}

fn reset() {
    MADE.store(0, Relaxed);
    DROPPED.store(0, Relaxed);
}

/// Queue data that counts how often it is dropped.
struct CountedDisk<'a>(&'a Atomic<u32>);

impl Drop for CountedDisk<'_> {
    fn drop(&mut self) {
        self.0.add(1, Relaxed);
    }
}

#[kunit_tests(rust_block_mq_disk)]
mod tests {
    use super::*;
    use crate::block::{
        mq::{
            kunit::raw,
            Idle,
            Operations,
            OwnedRequest,
            QueueResult, //
        },
        Major,
        Status, //
    };

    /// A driver with such queue data.
    struct Plain;

    #[vtable]
    impl Operations for Plain {
        type QueueData = KBox<CountedDisk<'static>>;
        type RequestData = ();

        fn new_request_data() -> impl PinInit<()> {}

        fn queue_rq<'call>(
            _: &CountedDisk<'static>,
            rq: OwnedRequest<Self, Idle<'call>>,
            _is_last: bool,
        ) -> QueueResult<'call, Self> {
            rq.start().end_ok();
            Ok(())
        }
    }

    static DISKS_DROPPED: Atomic<u32> = Atomic::new(0);

    fn build(builder: GenDiskBuilder, name: &CStr) -> Result<GenDisk<Plain>> {
        let tag_set = Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)?;
        let data = KBox::new(CountedDisk(&DISKS_DROPPED), GFP_KERNEL)?;
        builder.build(name, tag_set, data)
    }

    #[test]
    fn request_data_is_made_and_dropped_once() -> Result {
        reset();
        let tag_set = KBox::pin_init(
            TagSet::<Keeper<Counted>>::new(TagSetBuilder::new().queue_depth(16)),
            GFP_KERNEL,
        )?;
        assert_eq!(MADE.load(Relaxed), 16);
        assert_eq!(DROPPED.load(Relaxed), 0);
        drop(tag_set);
        assert_eq!(MADE.load(Relaxed), 16);
        assert_eq!(DROPPED.load(Relaxed), 16);

        // A disk has further requests, for flushes and for the I/O scheduler.
        reset();
        let disk = TestDisk::<Counted>::new(16)?;
        assert!(MADE.load(Relaxed) > 16);
        assert_eq!(DROPPED.load(Relaxed), 0);
        drop(disk);
        assert_eq!(DROPPED.load(Relaxed), MADE.load(Relaxed));
        Ok(())
    }

    fn check_io(disk: &TestDisk<Counted>) -> Result {
        let io = disk.read()?;
        disk.take()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    /// Adds a hardware queue and removes it, twice. `is_right` compares the number of request data
    /// that a change has made with the number that the added queue needs.
    fn check_changes(tags: TagSetBuilder, is_right: fn(u32, u32) -> bool) -> Result {
        reset();
        let disk = TestDisk::<Counted>::with(tags.queue_depth(16), GenDiskBuilder::new())?;
        // Its own requests, and that of its flush queue.
        for (poll, needed) in [(1, 17), (0, 0), (1, 17), (0, 0)] {
            let before = MADE.load(Relaxed);
            assert_eq!(disk.tag_set().update_nr_hw_queues(1, poll), Ok(()));
            check_io(&disk)?;
            assert!(is_right(MADE.load(Relaxed) - before, needed));
        }
        drop(disk);
        assert_eq!(DROPPED.load(Relaxed), MADE.load(Relaxed));
        Ok(())
    }

    #[test]
    fn request_data_follows_the_hardware_queues() -> Result {
        for tags in [
            TagSetBuilder::new().no_scheduler_by_default(),
            TagSetBuilder::new(),
        ] {
            check_changes(tags, |made, needed| made >= needed)?;
        }
        Ok(())
    }

    /// Without a scheduler, because a scheduler's requests are made again at each change.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn request_data_of_hardware_queues_that_stay_is_not_made_anew() -> Result {
        let tags = TagSetBuilder::new().no_scheduler_by_default();
        check_changes(tags, |made, needed| made == needed)
    }

    #[test]
    fn tag_set_has_the_requested_sizes() -> Result {
        let tags = TagSetBuilder::new().submit_queues(1).queue_depth(33);
        let tag_set = KBox::pin_init(TagSet::<Keeper<()>>::new(tags), GFP_KERNEL)?;
        assert_eq!(tag_set.nr_hw_queues(), 1);
        assert_eq!(tag_set.queue_depth(), 33);
        Ok(())
    }

    #[test]
    fn empty_tag_sets_are_refused() {
        let make = |tags| KBox::pin_init(TagSet::<Keeper<()>>::new(tags), GFP_KERNEL).err();
        assert_eq!(make(TagSetBuilder::new().submit_queues(0)), Some(EINVAL));
        assert_eq!(make(TagSetBuilder::new().queue_depth(0)), Some(EINVAL));
    }

    #[test]
    fn tag_set_refuses_memory_that_there_is_not() {
        let make = |node| {
            let tags = TagSetBuilder::new().numa_node(node);
            KBox::pin_init(TagSet::<Keeper<()>>::new(tags), GFP_KERNEL).err()
        };
        assert_eq!(make(0), None);
        assert_eq!(make(-1), None);
        for node in [i32::MIN, -2, 1 << 10, i32::MAX] {
            assert_eq!(make(node), Some(EINVAL));
        }
    }

    #[test]
    fn disk_names() -> Result {
        let make = |name| build(GenDiskBuilder::new(), name);
        assert_eq!(make(c"").err(), Some(EINVAL));
        assert_eq!(make(c"kunit_name_of_thirty_two_bytes_").err(), None);
        assert_eq!(
            make(c"kunit_name_of_thirty_three_bytes").err(),
            Some(EINVAL)
        );
        Ok(())
    }

    #[test]
    fn disk_block_sizes() {
        let make = |size| {
            build(
                GenDiskBuilder::new()
                    .logical_block_size(size)
                    .physical_block_size(size),
                c"kunit_plain",
            )
            .err()
        };
        for size in [0, 512, 1024, 2048, 4096] {
            assert_eq!(make(size), None);
        }
        for size in [1, 256, 511, 513, 1000, 3072, 1 << 20, u32::MAX] {
            assert_eq!(make(size), Some(EINVAL));
        }
    }

    #[test]
    fn disk_limits() -> Result {
        let make = |builder| build(builder, c"kunit_plain").err();
        assert_eq!(make(GenDiskBuilder::new().max_hw_sectors(7)), Some(EINVAL));
        assert_eq!(make(GenDiskBuilder::new().max_hw_sectors(8)), None);
        for (granularity, error) in [
            (0, None),
            (4096, None),
            (1 << 31, None),
            (12288, Some(EINVAL)),
        ] {
            let disk = GenDiskBuilder::new().discard_granularity(granularity);
            assert_eq!(make(disk), error);
        }
        for (size, boundary, error) in [(4096, 0, None), (4095, 0, Some(EINVAL)), (512, 4095, None)]
        {
            let disk = GenDiskBuilder::new().max_segment_size(size);
            assert_eq!(make(disk.virt_boundary_mask(boundary)), error);
        }
        assert_eq!(
            make(GenDiskBuilder::new().dma_alignment_mask(u32::MAX)),
            Some(EINVAL)
        );

        let largest = i64::MAX as u64 >> 9;
        assert_eq!(make(GenDiskBuilder::new().capacity_sectors(largest)), None);
        assert_eq!(
            make(GenDiskBuilder::new().capacity_sectors(largest + 1)),
            Some(EINVAL)
        );
        assert_eq!(
            make(GenDiskBuilder::new().capacity_sectors(u64::MAX)),
            Some(EINVAL)
        );

        let major = Arc::new(Major::register(c"kunit_major")?, GFP_KERNEL)?;
        let number =
            |first, count| make(GenDiskBuilder::new().device_number(major.clone(), first, count));
        assert_eq!(number(0, 1), None);
        assert_eq!(number(0, 0), Some(EINVAL));
        assert_eq!(number(1 << 20, 1), Some(EINVAL));
        assert_eq!(number(u32::MAX, 1), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn queue_data_is_dropped_once() -> Result {
        let count = |build: &dyn Fn() -> Result<GenDisk<Plain>>| {
            let before = DISKS_DROPPED.load(Relaxed);
            drop(build());
            DISKS_DROPPED.load(Relaxed) - before
        };
        assert_eq!(count(&|| build(GenDiskBuilder::new(), c"kunit_plain")), 1);
        // The last of these is rejected before the queue data is passed to C, the others after.
        assert_eq!(count(&|| build(GenDiskBuilder::new(), c"")), 1);
        assert_eq!(
            count(&|| build(GenDiskBuilder::new().logical_block_size(3), c"kunit_plain")),
            1
        );
        assert_eq!(
            count(&|| build(GenDiskBuilder::new().max_hw_sectors(1), c"kunit_plain")),
            1
        );
        Ok(())
    }

    #[test]
    fn disks_come_and_go() -> Result {
        for _ in 0..20 {
            drop(build(GenDiskBuilder::new(), c"kunit_plain")?);
        }
        Ok(())
    }
}
