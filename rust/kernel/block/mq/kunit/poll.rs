// SPDX-License-Identifier: GPL-2.0

//! Tests of polled hardware queues.

#[macros::kunit_tests(rust_block_mq_poll)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    raw,
                    TestDisk, //
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
        time::{
            delay::fsleep,
            Delta, //
        },
    };

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    use crate::block::Op;

    fn disk(hw_queues: u32, poll_queues: u32) -> Result<TestDisk<()>> {
        TestDisk::with(
            TagSetBuilder::new()
                .submit_queues(hw_queues)
                .poll_queues(poll_queues)
                .queue_depth(8)
                .no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )
    }

    #[test]
    fn polling_ends_polled_requests() -> Result {
        let disk = disk(1, 1)?;
        assert_eq!(disk.tag_set().nr_hw_queues(), 2);

        let io = disk.read_polled()?;
        fsleep(Delta::from_millis(20));
        assert_eq!(io.status(), None);
        assert_eq!(io.poll(), 1);
        assert_eq!(io.status(), Some(raw(Status::OK)));

        let first = disk.read_polled()?;
        let second = disk.read_polled()?;
        assert_eq!(first.poll(), 2);
        assert_eq!(first.status(), Some(raw(Status::OK)));
        assert_eq!(second.status(), Some(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn other_requests_go_elsewhere() -> Result {
        let disk = disk(1, 1)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        assert_eq!(rq.hw_queue(), 0);
        assert!(!rq.is_polled());
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        let io = disk.read_polled()?;
        let rq = disk.take_polled()?;
        assert_eq!(rq.hw_queue(), 1);
        assert!(rq.is_polled());
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn more_queues_than_cpus() -> Result {
        let cpus = crate::cpu::nr_cpu_ids();
        let disk = disk(1000, cpus + 3)?;
        assert_eq!(disk.tag_set().nr_hw_queues(), 2 * cpus + 3);
        let io = disk.read_polled()?;
        assert_eq!(io.poll(), 1);
        Ok(())
    }

    /// The flush after a write has the write's tag. After the disk and its flush queues are gone,
    /// the tag must not lead to the flush.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn flush_of_a_polled_write_goes_with_its_disk() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new()
                .poll_queues(1)
                .queue_depth(8)
                .no_scheduler_by_default(),
            GenDiskBuilder::new().write_cache(true),
        )?;
        let io = disk.write_polled_fua(1)?;
        disk.take_polled()?.end_ok();
        let flush = disk.take_polled()?;
        assert_eq!(flush.op(), Op::FLUSH);
        assert_eq!(flush.hw_queue(), 1);
        let tag = flush.tag() as usize;
        let tag_set = disk.tag_set.clone();
        let found = || {
            // SAFETY: The tag set lives until the end of the test. It has two hardware queues with
            // eight tags each, and nothing changes them.
            unsafe { *(**(*tag_set.as_raw()).tags.add(1)).rqs.add(tag) }
        };
        assert!(!found().is_null());
        flush.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        drop(disk);
        assert!(found().is_null());
        Ok(())
    }

    /// A driver that does not implement polling.
    struct Deaf;

    #[vtable]
    impl Operations for Deaf {
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

    #[test]
    fn polling_must_be_implemented() {
        let tags = TagSetBuilder::new().poll_queues(1);
        let tag_set = KBox::pin_init(TagSet::<Deaf>::new(tags), GFP_KERNEL);
        assert_eq!(tag_set.err(), Some(EINVAL));
    }
}
