// SPDX-License-Identifier: GPL-2.0

//! Tests of requests that come together.

#[macros::kunit_tests(rust_block_mq_list)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    raw,
                    Plug,
                    TestDisk,
                    LISTS, //
                },
                GenDiskBuilder,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            atomic::Relaxed,
            Arc, //
        },
    };

    /// Requests come together only where no scheduler sorts them.
    fn disk() -> Result<TestDisk<()>> {
        TestDisk::with(
            TagSetBuilder::new()
                .queue_depth(16)
                .no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )
    }

    #[test]
    fn plugged_requests_come_together() -> Result {
        let disk = disk()?;
        let before = LISTS.load(Relaxed);
        let mut ios = KVec::new();
        Plug::scope(|| -> Result {
            for i in 0..8 {
                // Not next to each other, or they would be merged into one.
                ios.push(disk.read_at(i * 1024)?, GFP_KERNEL)?;
            }
            Ok(())
        })?;
        assert_eq!(LISTS.load(Relaxed) - before, 1);

        for i in 0..8 {
            let rq = disk.take()?;
            assert_eq!(rq.sector(), i * 1024);
            rq.start().end_ok();
        }
        for io in &ios {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    /// What a driver submits when it is handed what a task has held back comes after that.
    #[test]
    fn request_from_within_has_a_plug_of_its_own() -> Result {
        let here = TestDisk::with(
            TagSetBuilder::new().queue_depth(16).blocking(),
            GenDiskBuilder::new(),
        )?;
        let there = Arc::new(disk()?, GFP_KERNEL)?;
        here.forward_to(there.clone());
        let io = Plug::scope_with_flush(|| here.read())?;
        here.take()?.start().end_ok();
        let forwarded = here.forwarded().ok_or(ENOENT)?;
        there.take()?.start().end_ok();
        for io in [&io, &forwarded] {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn requests_left_or_given_back_come_one_by_one() -> Result {
        let disk = disk()?;
        // The first two are given back; of the rest, two are left.
        disk.give_back(2);
        disk.leave(2);
        let mut ios = KVec::new();
        Plug::scope(|| -> Result {
            for i in 0..8 {
                ios.push(disk.read_at(i * 1024)?, GFP_KERNEL)?;
            }
            Ok(())
        })?;

        let mut seen = [0; 8];
        for _ in 0..8 {
            let rq = disk.take()?;
            seen[rq.sector() as usize / 1024] += 1;
            rq.start().end_ok();
        }
        assert_eq!(seen, [1; 8]);
        assert!(disk.try_take().is_none());
        for io in &ios {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn request_of_another_disk_goes_back_there() -> Result {
        let (here, there) = (disk()?, disk()?);
        let foreign = there.read_at(4096)?;
        here.give_back_foreign(there.take()?)?;

        let mut ios = KVec::new();
        Plug::scope(|| -> Result {
            for i in 0..2 {
                ios.push(here.read_at(i * 1024)?, GFP_KERNEL)?;
            }
            Ok(())
        })?;
        let rq = there.take()?;
        assert_eq!(rq.sector(), 4096);
        rq.start().end_ok();
        assert_eq!(foreign.wait(), Ok(raw(Status::OK)));
        for _ in 0..2 {
            here.take()?.start().end_ok();
        }
        assert!(here.try_take().is_none());
        for io in &ios {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }
}
