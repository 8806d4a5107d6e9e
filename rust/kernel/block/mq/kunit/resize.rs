// SPDX-License-Identifier: GPL-2.0

//! Tests of tag sets whose queues change, whose tags the queues share, and whose drivers may sleep.

#[macros::kunit_tests(rust_block_mq_resize)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    raw,
                    wait_for,
                    TestDisk,
                    ALL_HCTX,
                    FAIL_HCTX,
                    NO_HCTX, //
                },
                GenDiskBuilder,
                Idle,
                Operations,
                OwnedRequest,
                QueueResult,
                TagSet,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::atomic::Relaxed,
        time::{
            delay::fsleep,
            Delta, //
        }, //
    };

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    use crate::block::mq::kunit::{
        all_end_with,
        SLEEP_HCTX, //
    };

    fn disk(tags: TagSetBuilder) -> Result<TestDisk<()>> {
        TestDisk::with(
            tags.queue_depth(8).no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )
    }

    /// Submits an I/O to each type of queue of the disk.
    fn check_io(disk: &TestDisk<()>) -> Result {
        let io = disk.read()?;
        let rq = disk.take()?;
        assert!(!rq.is_polled());
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        if disk.tag_set().poll_queues() > 0 {
            let io = disk.read_polled()?;
            // A scheduler dispatches it from another thread.
            wait_for(|| disk.has_polled().then_some(()))?;
            assert_eq!(io.poll(), 1);
            assert_eq!(io.status(), Some(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn queues_come_and_go() -> Result {
        let disk = disk(TagSetBuilder::new())?;
        let tags = disk.tag_set();
        let cpus = crate::cpu::nr_cpu_ids();
        for (submit, poll) in [
            (1, 1),
            (1, 1),
            (cpus, cpus),
            (1, 0),
            (cpus, 0),
            (1, cpus),
            (1, 0),
        ] {
            assert_eq!(tags.update_nr_hw_queues(submit, poll), Ok(()));
            assert_eq!((tags.submit_queues(), tags.poll_queues()), (submit, poll));
            assert_eq!(tags.nr_hw_queues(), submit + poll);
            check_io(&disk)?;
            // No request of a removed queue is found.
            assert!(tags.tag_to_rq(submit + poll, 0).is_none());
        }
        Ok(())
    }

    #[test]
    fn shared_tags_of_queues_that_come_and_go() -> Result {
        let cpus = crate::cpu::nr_cpu_ids();
        for tags in [
            TagSetBuilder::new().no_scheduler_by_default(),
            TagSetBuilder::new(),
        ] {
            let disk = TestDisk::<()>::with(
                tags.queue_depth(8).shared_tag_bitmap(),
                GenDiskBuilder::new(),
            )?;
            check_io(&disk)?;
            for (submit, poll) in [(1, 1), (cpus, cpus), (1, 0), (cpus, 1), (1, 0)] {
                assert_eq!(disk.tag_set().update_nr_hw_queues(submit, poll), Ok(()));
                check_io(&disk)?;
            }
        }
        Ok(())
    }

    #[test]
    fn shared_tag_is_found_on_its_queue() -> Result {
        let disk = disk(TagSetBuilder::new().poll_queues(1).shared_tag_bitmap())?;
        let tags = disk.tag_set();
        let _io = disk.read_polled()?;
        let rq = disk.take_polled()?;
        let found = tags.tag_to_rq(rq.hw_queue(), rq.tag());
        let elsewhere = tags.tag_to_rq(1 - rq.hw_queue(), rq.tag());
        let (queue, tag) = (rq.hw_queue(), rq.tag());
        rq.park();
        let claim = |queue| tags.tag_to_rq(queue, tag)?.claim();
        let claimed_elsewhere = claim(1 - queue);
        let rq = claim(queue);
        let claimed = rq.is_some();
        for rq in [claimed_elsewhere, rq].into_iter().flatten() {
            rq.end_ok();
        }
        assert_eq!(queue, 1);
        assert!(found.is_some());
        assert!(elsewhere.is_none());
        assert!(claimed);
        Ok(())
    }

    #[test]
    fn wrong_numbers_change_nothing() -> Result {
        let disk = disk(TagSetBuilder::new().poll_queues(1))?;
        let tags = disk.tag_set();
        let cpus = crate::cpu::nr_cpu_ids();
        for (submit, poll) in [
            (0, 0),
            (0, 1),
            (cpus + 1, 0),
            (1, TagSetBuilder::MAX_POLL_QUEUES + 1),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(tags.update_nr_hw_queues(submit, poll), Err(EINVAL));
            assert_eq!((tags.submit_queues(), tags.poll_queues()), (1, 1));
        }
        check_io(&disk)
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn resize_fails_with_the_driver() -> Result {
        let disk = disk(TagSetBuilder::new())?;
        let tags = disk.tag_set();
        FAIL_HCTX.store(ALL_HCTX, Relaxed);
        let result = tags.update_nr_hw_queues(1, 1);
        // The disk keeps its queue, although the driver fails.
        let same = tags.update_nr_hw_queues(1, 0);
        FAIL_HCTX.store(NO_HCTX, Relaxed);
        assert_eq!(result, Err(ENOMEM));
        assert_eq!(same, Ok(()));
        assert_eq!((tags.submit_queues(), tags.poll_queues()), (1, 0));
        check_io(&disk)?;

        assert_eq!(tags.update_nr_hw_queues(1, 1), Ok(()));
        check_io(&disk)?;
        FAIL_HCTX.store(ALL_HCTX, Relaxed);
        let result = tags.update_nr_hw_queues(1, 0);
        FAIL_HCTX.store(NO_HCTX, Relaxed);
        assert_eq!(result, Ok(()));
        check_io(&disk)
    }

    /// Makes two disks on one tag set.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    fn pair(tags: TagSetBuilder) -> Result<(TestDisk<()>, TestDisk<()>)> {
        let first = TestDisk::with(tags.queue_depth(8), GenDiskBuilder::new())?;
        let second = TestDisk::on(first.tag_set().clone(), GenDiskBuilder::new())?;
        Ok((first, second))
    }

    /// Makes two disks on one tag set, with a polled queue whose tags both have used.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    fn users_of_polled_queue() -> Result<(TestDisk<()>, TestDisk<()>)> {
        let tags = TagSetBuilder::new().poll_queues(1);
        let (first, second) = pair(tags.no_scheduler_by_default())?;
        check_io(&first)?;
        check_io(&second)?;
        Ok((first, second))
    }

    /// Resizes a tag set with one polled queue so that this queue, number 1, loses its CPUs: there
    /// are more polled queues than CPUs, and the later ones get them.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    fn take_cpus_of_polled_queue(disk: &TestDisk<()>) -> Result {
        let tags = disk.tag_set();
        assert_eq!((tags.submit_queues(), tags.poll_queues()), (1, 1));
        tags.update_nr_hw_queues(1, crate::cpu::nr_cpu_ids() + 1)
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn queue_without_cpus_is_no_user_of_tags() -> Result {
        let (first, second) = users_of_polled_queue()?;
        // The new hardware queue can't be set up, so the old one stays.
        FAIL_HCTX.store(1, Relaxed);
        let result = take_cpus_of_polled_queue(&second);
        FAIL_HCTX.store(NO_HCTX, Relaxed);
        assert_eq!(result, Ok(()));
        check_io(&second)?;
        // The tags are not shared any more, and each queue that used them stops using them.
        drop(first);
        check_io(&second)
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn disks_stop_using_tags_that_another_disk_freed() -> Result {
        let (first, second) = users_of_polled_queue()?;
        SLEEP_HCTX.store(true, Relaxed);
        let result = take_cpus_of_polled_queue(&second);
        SLEEP_HCTX.store(false, Relaxed);
        assert_eq!(result, Ok(()));
        check_io(&first)?;
        check_io(&second)
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn flush_request_of_a_queue_without_cpus_is_not_found() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new()
                .poll_queues(1)
                .queue_depth(8)
                .no_scheduler_by_default()
                .shared_tag_bitmap(),
            GenDiskBuilder::new().write_cache(true),
        )?;
        let io = disk.write_polled_fua(0)?;
        let write = disk.take_polled()?;
        let tag = write.tag();
        write.end_ok();
        let flush = disk.take_polled()?;
        assert_eq!((flush.hw_queue(), flush.tag()), (1, tag));
        flush.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        let tag_set = disk.tag_set().clone();
        let found = || {
            // SAFETY: The tag set is set up. Its queues share their tags, of which `tag` is one.
            unsafe { *(*(*tag_set.as_raw()).shared_tags).rqs.add(tag as usize) }
        };
        assert!(!found().is_null());
        FAIL_HCTX.store(1, Relaxed);
        let result = take_cpus_of_polled_queue(&disk);
        FAIL_HCTX.store(NO_HCTX, Relaxed);
        assert_eq!(result, Ok(()));
        drop(disk);
        assert!(found().is_null());
        Ok(())
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn request_gets_the_tag_of_another_disk_on_a_queue_that_was_added() -> Result {
        // The request must wait in a scheduler.
        let (first, second) = pair(TagSetBuilder::new())?;
        assert_eq!(first.tag_set().update_nr_hw_queues(1, 1), Ok(()));
        let mut ios = KVec::new();
        let mut all = KVec::new();
        for _ in 0..8 {
            ios.push(first.read_polled()?, GFP_KERNEL)?;
            all.push(first.take_polled()?, GFP_KERNEL)?;
        }
        let io = second.read_polled()?;
        fsleep(Delta::from_millis(20));
        assert!(!second.has_polled());
        for rq in all {
            rq.end_ok();
        }
        second.take_polled()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn disk_fails_with_the_driver() -> Result {
        FAIL_HCTX.store(ALL_HCTX, Relaxed);
        let result = disk(TagSetBuilder::new());
        FAIL_HCTX.store(NO_HCTX, Relaxed);
        assert_eq!(result.err(), Some(ENOMEM));
        check_io(&disk(TagSetBuilder::new())?)
    }

    #[test]
    fn driver_sleeps() -> Result {
        let disk = disk(TagSetBuilder::new().blocking())?;
        disk.on_request(1, |kept, rq| {
            fsleep(Delta::from_millis(1));
            kept.keep(rq);
            Ok(())
        });
        check_io(&disk)
    }

    #[test]
    fn driver_that_does_not_poll_has_no_queue_for_it() -> Result {
        struct NoPoll;

        #[vtable]
        impl Operations for NoPoll {
            type QueueData = ();
            type RequestData = ();

            fn new_request_data() -> impl PinInit<()> {}

            fn queue_rq<'call>(
                (): (),
                rq: OwnedRequest<Self, Idle<'call>>,
                _is_last: bool,
            ) -> QueueResult<'call, Self> {
                rq.start().end_ok();
                Ok(())
            }
        }

        let tags = KBox::pin_init(TagSet::<NoPoll>::new(TagSetBuilder::new()), GFP_KERNEL)?;
        assert_eq!(tags.update_nr_hw_queues(1, 1), Err(EINVAL));
        assert_eq!(
            tags.update_nr_hw_queues(crate::cpu::nr_cpu_ids(), 0),
            Ok(())
        );
        assert_eq!(tags.update_nr_hw_queues(1, 0), Ok(()));
        assert_eq!((tags.submit_queues(), tags.poll_queues()), (1, 0));
        Ok(())
    }
}
