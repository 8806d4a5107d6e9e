// SPDX-License-Identifier: GPL-2.0

//! Tests of references to requests.

#[macros::kunit_tests(rust_block_mq_reference)]
mod tests {
    use crate::{
        block::{
            mq::kunit::{
                count,
                raw,
                TestDisk, //
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
    fn count_goes_up_and_down() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;

        assert_eq!(count(&rq), 1);
        let first = ARef::from(&*rq);
        assert_eq!(count(&rq), 2);
        let second = first.clone();
        assert_eq!(count(&rq), 3);
        drop(first);
        assert_eq!(count(&rq), 2);
        drop(second);
        assert_eq!(count(&rq), 1);

        rq.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn end_does_not_wait_for_references() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);

        assert_eq!(io.status(), None);
        rq.start().end_ok();
        assert_eq!(io.status(), Some(raw(Status::OK)));
        assert_eq!(count(&reference), 1);
        Ok(())
    }

    #[test]
    fn tag_waits_for_the_last_reference() -> Result {
        let disk = Arc::new(TestDisk::<()>::new(1)?, GFP_KERNEL)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let first = ARef::from(&*rq);
        let second = first.clone();
        rq.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        // The one tag that there is. Who submits another I/O may have to sleep for it.
        let submitted = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let (submitter, done) = (disk.clone(), submitted.clone());
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            let _ = submitter.read();
            drop(submitter);
            done.complete_all();
        })?;

        fsleep(Delta::from_millis(30));
        assert!(disk.try_take().is_none());
        drop(first);
        fsleep(Delta::from_millis(30));
        assert!(disk.try_take().is_none());
        drop(second);
        disk.take()?.start().end_ok();
        submitted.wait_for_completion();
        Ok(())
    }

    #[test]
    fn request_is_not_recycled_under_a_reference() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let kept = ARef::from(&*rq);
        rq.start().end_ok();
        io.wait()?;

        for _ in 0..50 {
            let io = disk.read()?;
            let rq = disk.take()?;
            assert!(rq.as_raw() != kept.as_raw());
            rq.start().end_ok();
            io.wait()?;
            assert_eq!(count(&kept), 1);
        }
        Ok(())
    }

    #[test]
    fn last_drop_frees_once() -> Result {
        // With four tags, one that is not freed is missed within a few rounds, and one that is
        // freed twice underflows the use count of the queue, so that removing the disk warns.
        let disk = TestDisk::<()>::new(4)?;
        for round in 0..100 {
            let io = disk.read()?;
            let rq = disk.take()?;
            let reference = ARef::from(&*rq);
            if round % 2 == 0 {
                drop(reference);
                rq.start().end_ok();
            } else {
                rq.start().end_ok();
                drop(reference);
            }
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn count_saturates() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        // SAFETY: The request is valid, and its count is atomic.
        let counter = unsafe { Atomic::from_ptr(&raw mut (*rq.as_raw()).ref_.counter) };

        counter.store(i32::MAX, Relaxed);
        let reference = ARef::from(&*rq);
        assert_eq!(counter.load(Relaxed), i32::MIN / 2);
        drop(reference.clone());
        drop(reference);
        assert_eq!(counter.load(Relaxed), i32::MIN / 2);

        // In place of the two billion references that were leaked.
        counter.store(1, Relaxed);
        rq.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn saturated_request_is_never_freed() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?.start();
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        let kept = ARef::from(&*rq);
        // SAFETY: The request is valid, and its count is atomic.
        let counter = unsafe { Atomic::from_ptr(&raw mut (*rq.as_raw()).ref_.counter) };

        // A look-up is what takes the one reference too many.
        counter.store(i32::MAX, Relaxed);
        let found = disk.tag_set().tag_to_rq(hw_queue, tag);
        assert!(found.is_some() && counter.load(Relaxed) < 0);
        drop(found);

        // It ends as any other, and the tag is not used again.
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        assert!(disk.tag_set().tag_to_rq(hw_queue, tag).is_none());
        for _ in 0..20 {
            let io = disk.read()?;
            let rq = disk.take()?;
            assert!(rq.tag() != tag);
            rq.start().end_ok();
            io.wait()?;
        }
        assert!(counter.load(Relaxed) < 0);

        // In place of the two billion references that were leaked.
        counter.store(1, Relaxed);
        drop(kept);
        Ok(())
    }

    #[test]
    fn flush_waits_for_references() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        let io = disk.flush()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.start().end_ok();
        fsleep(Delta::from_millis(30));
        assert_eq!(io.status(), None);
        drop(reference);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn flush_error_survives_two_references() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        let io = disk.flush()?;
        let rq = disk.take()?;
        let first = ARef::from(&*rq);
        let second = first.clone();
        rq.start().end(Status::MEDIUM);
        drop(first);
        drop(second);
        assert_eq!(io.wait(), Ok(raw(Status::MEDIUM)));

        // It is not reported again.
        let io = disk.flush()?;
        disk.take()?.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }
}
