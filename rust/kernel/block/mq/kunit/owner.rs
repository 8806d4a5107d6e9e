// SPDX-License-Identifier: GPL-2.0

//! Tests of each way to give up the owner of a request.

#[macros::kunit_tests(rust_block_mq_owner)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    all_end_with,
                    raw,
                    wait_for,
                    TestDisk, //
                },
                CompletionBatch,
                GenDiskBuilder,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            aref::ARef,
            atomic::Relaxed, //
        },
        time::{
            delay::fsleep,
            Delta, //
        }, //
    };

    fn unscheduled(disk: GenDiskBuilder) -> Result<TestDisk<()>> {
        let tags = TagSetBuilder::new().queue_depth(4);
        TestDisk::with(tags.no_scheduler_by_default(), disk)
    }

    #[test]
    fn end_passes_the_status_on() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        for status in [
            Status::OK,
            Status::NOTSUPP,
            Status::TIMEOUT,
            Status::NOSPC,
            Status::TARGET,
            Status::MEDIUM,
            Status::IOERR,
            Status::INVAL,
        ] {
            let io = disk.read()?;
            disk.take()?.end(status);
            assert_eq!(io.wait(), Ok(raw(status)));
        }
        Ok(())
    }

    #[test]
    fn idle_request_is_ended() -> Result {
        let disk = unscheduled(GenDiskBuilder::new())?;
        disk.on_request(1, |_, rq| {
            rq.end(Status::NOTSUPP);
            Ok(())
        });
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::NOTSUPP)));

        disk.on_request(1, |kept, rq| {
            CompletionBatch::scope(|batch| {
                rq.end_batched(Status::OK, batch);
                kept.noted.store(1 + usize::from(batch.is_empty()), Relaxed);
            });
            Ok(())
        });
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::OK)));
        // The request waited in the batch.
        assert_eq!(disk.kept.noted.load(Relaxed), 1);
        assert!(disk.has_tags(4)?);
        Ok(())
    }

    #[test]
    fn dropped_owner_ends_with_an_error() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(1, |_, rq| {
            drop(rq);
            Ok(())
        });
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::IOERR)));

        let io = disk.read()?;
        drop(disk.take()?);
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

        let io = disk.read()?;
        disk.on_complete(|rq, _| drop(rq));
        disk.take()?.complete();
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
        Ok(())
    }

    /// A write that must reach non-volatile storage is followed by a flush, because the disk has no
    /// FUA.
    #[test]
    fn dropped_owner_frees_its_tag() -> Result {
        let disk = unscheduled(GenDiskBuilder::new().write_cache(true))?;
        for _ in 0..5 {
            for io in [disk.read()?, disk.write(1)?, disk.flush()?] {
                drop(disk.take()?);
                assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
            }

            // Drop the write, then the flush of another one.
            let io = disk.write_fua(1)?;
            drop(disk.take()?);
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
            let io = disk.write_fua(1)?;
            disk.take()?.end_ok();
            drop(disk.take()?);
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

            disk.on_request(1, |_, rq| {
                drop(rq);
                Ok(())
            });
            assert_eq!(disk.flush()?.wait(), Ok(raw(Status::IOERR)));
            assert!(disk.has_tags(4)?);
        }
        Ok(())
    }

    #[test]
    fn refused_request_is_dispatched_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(3, |_, rq| Err(rq.refuse(Status::RESOURCE)));
        let io = disk.read()?;
        disk.take()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn refused_request_is_dispatched_again_when_another_one_ends() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let first = disk.read_at(0)?;
        let rq = disk.take()?;
        // After the first refusal the request comes again at once, as nothing waits for an end yet.
        disk.on_request(2, |_, rq| Err(rq.refuse(Status::DEV_RESOURCE)));
        let second = disk.read_at(1024)?;
        fsleep(Delta::from_millis(30));
        assert!(disk.try_take().is_none());
        rq.end_ok();
        disk.take()?.end_ok();
        all_end_with(&[first, second], Status::OK);
        Ok(())
    }

    #[test]
    fn refused_request_ends_with_the_status() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(1, |_, rq| Err(rq.refuse(Status::NOTSUPP)));
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::NOTSUPP)));

        // This status is not allowed.
        disk.on_request(1, |_, rq| Err(rq.refuse(Status::OK)));
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::IOERR)));
        assert!(disk.try_take().is_none());
        Ok(())
    }

    #[test]
    fn refusal_is_taken_back() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(1, |kept, rq| {
            let refused = rq.refuse(Status::NOTSUPP);
            kept.keep(refused.into_request());
            Ok(())
        });
        let io = disk.read()?;
        disk.take()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn requeued_request_is_dispatched_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(2, |kept, rq| {
            kept.noted.store(rq.as_raw() as usize, Relaxed);
            rq.requeue(true);
            Ok(())
        });
        let io = disk.read()?;
        for _ in 0..3 {
            let rq = disk.take()?;
            assert_eq!(rq.as_raw() as usize, disk.kept.noted.load(Relaxed));
            rq.requeue(true);
        }
        let rq = disk.take()?;
        assert_eq!(io.status(), None);
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn requeued_request_waits_to_be_kicked() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.on_request(1, |_, rq| {
            rq.requeue(false);
            Ok(())
        });
        let (first, second) = (disk.read_at(0)?, disk.read_at(4096)?);
        let other = disk.take()?;
        assert_eq!(other.sector(), 4096);
        fsleep(Delta::from_millis(30));
        assert!(disk.try_take().is_none());
        // This kicks both.
        other.requeue(true);
        for _ in 0..2 {
            disk.take()?.end_ok();
        }
        all_end_with(&[first, second], Status::OK);
        Ok(())
    }

    #[test]
    fn complete_is_called_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        for _ in 0..20 {
            let io = disk.read()?;
            disk.take()?.complete();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        assert_eq!(disk.kept.completions.load(Relaxed), 20);
        assert_eq!(disk.kept.completed.load(Relaxed), 20);
        Ok(())
    }

    #[test]
    fn completed_request_is_requeued() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        disk.on_complete(|rq, _| rq.requeue(true));
        disk.take()?.complete();
        // The request comes again, and can be completed again.
        disk.take()?.complete();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn completed_request_is_ended_in_a_batch() -> Result {
        let disk = unscheduled(GenDiskBuilder::new())?;
        let io = disk.read()?;
        disk.on_complete(|rq, _| {
            CompletionBatch::scope(|batch| rq.end_batched(Status::OK, batch));
        });
        disk.take()?.complete();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        assert!(disk.has_tags(4)?);
        Ok(())
    }

    #[test]
    fn timeout_leaves_the_owner_alone() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let io = disk.read()?;
        let rq = disk.take()?;
        wait_for(|| (disk.kept.timeouts.load(Relaxed) > 0).then_some(()))?;
        assert_eq!(io.status(), None);
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn flush_is_like_any_request() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        for status in [Status::OK, Status::IOERR, Status::OK] {
            let io = disk.flush()?;
            disk.take()?.end(status);
            assert_eq!(io.wait(), Ok(raw(status)));
        }

        let io = disk.flush()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.park();
        reference.claim().ok_or(ENOENT)?.complete();
        drop(reference);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }
}
