// SPDX-License-Identifier: GPL-2.0

//! Tests of owners of requests: each way that one can go.

#[macros::kunit_tests(rust_block_mq_owner)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    raw,
                    wait_for,
                    Keeper,
                    TestDisk,
                    Which,
                    COMPLETED,
                    COMPLETE_BY,
                    DROP,
                    REQUEUE,
                    RESET,
                    TIMEOUTS, //
                },
                GenDiskBuilder,
                Request,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            aref::ARef,
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc,
            Completion, //
        },
        time::{
            delay::fsleep,
            Delta, //
        },
        workqueue, //
    };

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
            disk.take()?.start().end(status);
            assert_eq!(io.wait(), Ok(raw(status)));
        }
        Ok(())
    }

    #[test]
    fn idle_request_can_be_ended() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        disk.take()?.end(Status::NOTSUPP);
        assert_eq!(io.wait(), Ok(raw(Status::NOTSUPP)));
        Ok(())
    }

    #[test]
    fn dropped_owner_ends_with_an_error() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        drop(disk.take()?);
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

        let io = disk.read()?;
        drop(disk.take()?.start());
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
        Ok(())
    }

    #[test]
    fn refused_request_comes_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.refuse(3);
        let io = disk.read()?;
        disk.take()?.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn refused_request_ends_with_the_status() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        disk.refuse_as(Which::Handed, Status::NOTSUPP);
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::NOTSUPP)));

        // There is no such refusal.
        disk.refuse_as(Which::Handed, Status::OK);
        assert_eq!(disk.read()?.wait(), Ok(raw(Status::IOERR)));
        assert!(disk.try_take().is_none());
        Ok(())
    }

    #[test]
    fn other_request_can_be_refused_in_its_place() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let first = disk.read_at(0)?;
        wait_for(|| disk.has_one().then_some(()))?;
        disk.refuse_as(Which::Oldest, Status::MEDIUM);
        let second = disk.read_at(1024)?;
        assert_eq!(first.wait(), Ok(raw(Status::MEDIUM)));
        let rq = disk.take()?;
        assert_eq!(rq.sector(), 1024);
        assert_eq!(second.status(), None);

        // With what is no more than a delay it comes again, and the other one stays.
        let third = disk.read_at(2048)?;
        wait_for(|| disk.has_one().then_some(()))?;
        disk.refuse_as(Which::Oldest, Status::RESOURCE);
        let fourth = disk.read_at(4096)?;
        let mut seen = 0;
        for _ in 0..2 {
            let rq = disk.take()?;
            seen += rq.sector();
            rq.start().end_ok();
        }
        assert_eq!(seen, 2048 + 4096);
        assert!(disk.try_take().is_none());
        rq.start().end_ok();
        for io in [&second, &third, &fourth] {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn requeued_request_comes_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;

        let rq = disk.take()?;
        let first = rq.as_raw();
        rq.requeue(true);

        let rq = disk.take()?;
        assert!(rq.as_raw() == first);
        rq.start().requeue(true);

        let rq = disk.take()?;
        assert!(rq.as_raw() == first);
        assert_eq!(io.status(), None);
        rq.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn requeued_request_waits_to_be_kicked() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let (first, second) = (disk.read_at(0)?, disk.read_at(4096)?);
        let (one, other) = (disk.take()?, disk.take()?);
        one.requeue(false);
        fsleep(Delta::from_millis(30));
        assert!(disk.try_take().is_none());
        // This is for both.
        other.requeue(true);
        for _ in 0..2 {
            disk.take()?.start().end_ok();
        }
        for io in [&first, &second] {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn complete_is_called_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let before = COMPLETED.load(Relaxed);
        for _ in 0..20 {
            let io = disk.read()?;
            disk.take()?.start().complete();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        assert_eq!(COMPLETED.load(Relaxed) - before, 20);
        Ok(())
    }

    #[test]
    fn complete_can_requeue_and_drop() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        COMPLETE_BY.store(REQUEUE, Relaxed);
        disk.take()?.start().complete();
        // It comes again, and can be completed again.
        disk.take()?.start().complete();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        let io = disk.read()?;
        COMPLETE_BY.store(DROP, Relaxed);
        disk.take()?.start().complete();
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
        Ok(())
    }

    fn claim(reference: &Request<Keeper<()>>, claims: &Atomic<u32>) {
        if let Some(rq) = reference.claim() {
            claims.add(1, Relaxed);
            rq.end_ok();
        }
    }

    #[test]
    fn two_contexts_claim_at_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        for _ in 0..50 {
            let io = disk.read()?;
            let rq = disk.take()?;
            let reference = ARef::from(&*rq);
            let claims = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
            let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;

            let (theirs, counted, finished) = (reference.clone(), claims.clone(), done.clone());
            rq.start().park();
            workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
                claim(&theirs, &counted);
                drop(theirs);
                finished.complete_all();
            })?;
            claim(&reference, &claims);
            done.wait_for_completion();
            assert_eq!(claims.load(Relaxed), 1);
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn parked_owner_is_claimed_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);

        assert!(reference.claim().is_none());
        let rq = rq.start();
        assert!(reference.claim().is_none());
        rq.park();

        let rq = reference.claim().ok_or(ENOENT)?;
        assert!(reference.claim().is_none());
        rq.end_ok();
        assert!(reference.claim().is_none());
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn owner_can_be_parked_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.start().park();
        for _ in 0..10 {
            reference.claim().ok_or(ENOENT)?.park();
        }
        reference.claim().ok_or(ENOENT)?.requeue(true);
        assert!(reference.claim().is_none());

        disk.take()?.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn parked_owner_is_claimed_by_timeout() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let io = disk.read()?;
        disk.take()?.start().park();
        assert_eq!(io.wait(), Ok(raw(Status::TIMEOUT)));
        Ok(())
    }

    #[test]
    fn timeout_can_be_put_off() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let io = disk.read()?;
        let before = TIMEOUTS.load(Relaxed);
        RESET.store(1, Relaxed);
        disk.take()?.start().park();
        assert_eq!(io.wait(), Ok(raw(Status::TIMEOUT)));
        assert_eq!(TIMEOUTS.load(Relaxed) - before, 2);
        Ok(())
    }

    #[test]
    fn timeout_leaves_the_owner_alone() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let io = disk.read()?;
        let before = TIMEOUTS.load(Relaxed);
        let rq = disk.take()?.start();
        wait_for(|| (TIMEOUTS.load(Relaxed) > before).then_some(()))?;
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
            disk.take()?.start().end(status);
            assert_eq!(io.wait(), Ok(raw(status)));
        }

        let io = disk.flush()?;
        drop(disk.take()?);
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

        let io = disk.flush()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.start().park();
        reference.claim().ok_or(ENOENT)?.complete();
        drop(reference);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }
}
