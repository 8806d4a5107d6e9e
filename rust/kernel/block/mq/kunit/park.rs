// SPDX-License-Identifier: GPL-2.0

//! Tests of parking and claiming.

#[macros::kunit_tests(rust_block_mq_park)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    count,
                    raw,
                    wait_for,
                    Keeper,
                    TestDisk, //
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
        workqueue, //
    };

    #[test]
    fn parked_owner_is_claimed_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);

        assert!(reference.claim().is_none());
        rq.park();
        assert_eq!(count(&reference), 2);

        let rq = reference.claim().ok_or(ENOENT)?;
        assert_eq!(count(&reference), 2);
        assert!(reference.claim().is_none());
        rq.end_ok();
        assert!(reference.claim().is_none());
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn owner_is_parked_again() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.park();
        for _ in 0..10 {
            reference.claim().ok_or(ENOENT)?.park();
        }
        reference.claim().ok_or(ENOENT)?.requeue(true);
        assert!(reference.claim().is_none());

        disk.take()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn other_keys_claim_nothing() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        for key in [0, 1, 0x8000_0000, u32::MAX] {
            let io = disk.read()?;
            let rq = disk.take()?;
            let reference = ARef::from(&*rq);
            assert!(reference.claim_under(key).is_none());
            rq.park_under(key);
            for bit in 0..u32::BITS {
                assert!(reference.claim_under(key ^ (1 << bit)).is_none());
            }
            // The owner is still parked, and can be claimed once.
            let rq = reference.claim_under(key).ok_or(ENOENT)?;
            assert!(reference.claim_under(key).is_none());
            assert!(reference.claim().is_none());
            assert_eq!(count(&reference), 2);

            // It can also be claimed without the key, but then no longer by the key.
            rq.park_under(key);
            let rq = reference.claim().ok_or(ENOENT)?;
            assert!(reference.claim_under(key).is_none());
            rq.end_ok();
            assert!(reference.claim_under(key).is_none());
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn keys_do_not_claim_requests_without_one() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.park();
        for key in [0, 1, 1 << 31, u32::MAX] {
            assert!(reference.claim_under(key).is_none());
        }
        reference.claim().ok_or(ENOENT)?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    /// A late completion: the request has been started again, under another key.
    #[test]
    fn late_completion_claims_nothing() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new()
                .queue_depth(1)
                .no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )?;
        let complete = |tag, key| disk.tag_set().tag_to_rq(0, tag)?.claim_under(key);
        let io = disk.read()?;
        let rq = disk.take()?;
        let tag = rq.tag();
        rq.park_under(1);
        complete(tag, 1).ok_or(ENOENT)?.requeue(true);

        let rq = disk.take()?;
        assert_eq!(rq.tag(), tag);
        assert!(complete(tag, 1).is_none());
        rq.park_under(2);
        assert!(complete(tag, 1).is_none());
        assert_eq!(io.status(), None);
        complete(tag, 2).ok_or(ENOENT)?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        // The next I/O has the same tag.
        let io = disk.read()?;
        let rq = disk.take()?;
        assert_eq!(rq.tag(), tag);
        rq.park_under(3);
        assert!(complete(tag, 1).is_none());
        assert!(complete(tag, 2).is_none());
        complete(tag, 3).ok_or(ENOENT)?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
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
            rq.park();
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

    fn impatient() -> Result<TestDisk<()>> {
        TestDisk::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )
    }

    #[test]
    fn parked_owner_is_claimed_by_timeout() -> Result {
        let disk = impatient()?;
        let io = disk.read()?;
        disk.take()?.park_under(7);
        assert_eq!(io.wait(), Ok(raw(Status::TIMEOUT)));
        Ok(())
    }

    /// For the driver, this looks like a request that has ended.
    #[test]
    fn owner_that_is_parked_late_is_claimed_by_the_next_timeout() -> Result {
        let disk = impatient()?;
        let io = disk.read()?;
        let rq = disk.take()?;
        wait_for(|| (disk.kept.timeouts.load(Relaxed) > 0).then_some(()))?;
        assert_eq!(io.status(), None);
        rq.park();
        assert_eq!(io.wait(), Ok(raw(Status::TIMEOUT)));
        assert!(disk.kept.timeouts.load(Relaxed) >= 2);
        Ok(())
    }
}
