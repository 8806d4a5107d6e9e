// SPDX-License-Identifier: GPL-2.0

//! Tests of references to requests.

#[macros::kunit_tests(rust_block_mq_reference)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    count,
                    raw,
                    timer::Owning,
                    Data,
                    Kept,
                    TestDisk, //
                },
                GenDiskBuilder,
                RequestList,
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
    fn status_is_shared_by_owner_and_references() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        assert_eq!(rq.status().load(), Status::OK);

        let reference = ARef::from(&*rq);
        reference.status().store(Status::NOSPC);
        assert_eq!(rq.status().load(), Status::NOSPC);
        drop(reference);

        let status = rq.status().load();
        rq.end(status);
        assert_eq!(io.wait(), Ok(raw(Status::NOSPC)));
        Ok(())
    }

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

        rq.end_ok();
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
        rq.end_ok();
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
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        // The only tag is in use. Submitting another I/O may wait for it.
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
        disk.take()?.end_ok();
        submitted.wait_for_completion();
        Ok(())
    }

    #[test]
    fn request_is_not_recycled_under_a_reference() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let kept = ARef::from(&*rq);
        rq.end_ok();
        io.wait()?;

        for _ in 0..50 {
            let io = disk.read()?;
            let rq = disk.take()?;
            assert!(rq.as_raw() != kept.as_raw());
            rq.end_ok();
            io.wait()?;
            assert_eq!(count(&kept), 1);
        }
        Ok(())
    }

    #[test]
    fn last_drop_frees_once() -> Result {
        // There are four tags. If a request is not freed, I/O soon hangs. If one is freed twice,
        // the use count of the queue underflows, and removing the disk warns.
        let disk = TestDisk::<()>::new(4)?;
        for round in 0..100 {
            let io = disk.read()?;
            let rq = disk.take()?;
            let reference = ARef::from(&*rq);
            if round % 2 == 0 {
                drop(reference);
                rq.end_ok();
            } else {
                rq.end_ok();
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

        // Set the count, instead of dropping the two billion references that were leaked.
        counter.store(1, Relaxed);
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn saturated_request_is_never_freed() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        let kept = ARef::from(&*rq);
        // SAFETY: The request is valid, and its count is atomic.
        let counter = unsafe { Atomic::from_ptr(&raw mut (*rq.as_raw()).ref_.counter) };

        // A look-up takes one reference too many.
        counter.store(i32::MAX, Relaxed);
        let found = disk.tag_set().tag_to_rq(hw_queue, tag);
        assert!(found.is_some() && counter.load(Relaxed) < 0);
        drop(found);

        // The request ends like any other, and its tag is not used again.
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        assert!(disk.tag_set().tag_to_rq(hw_queue, tag).is_none());
        for _ in 0..20 {
            let io = disk.read()?;
            let rq = disk.take()?;
            assert!(rq.tag() != tag);
            rq.end_ok();
            io.wait()?;
        }
        assert!(counter.load(Relaxed) < 0);

        // Set the count, instead of dropping the two billion references that were leaked.
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
        rq.end_ok();
        fsleep(Delta::from_millis(30));
        assert_eq!(io.status(), None);
        drop(reference);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn flush_error_survives_two_references() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        let io = disk.flush()?;
        let rq = disk.take()?;
        let first = ARef::from(&*rq);
        let second = first.clone();
        rq.end(Status::MEDIUM);
        drop(first);
        drop(second);
        assert_eq!(io.wait(), Ok(raw(Status::MEDIUM)));

        // The error is not reported again.
        let io = disk.flush()?;
        disk.take()?.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn reference_knows_queue_and_tag() -> Result {
        let tags = TagSetBuilder::new().queue_depth(4).poll_queues(1);
        let disk = TestDisk::<()>::with(tags, GenDiskBuilder::new())?;
        for polled in [false, true] {
            let (io, rq) = if polled {
                (disk.read_polled()?, disk.take_polled()?)
            } else {
                (disk.read()?, disk.take()?)
            };
            let reference = ARef::from(&*rq);
            assert_eq!(reference.hw_queue(), polled.into());
            assert_eq!(reference.current_tag(), Some(rq.tag()));
            rq.end_ok();
            assert_eq!(reference.hw_queue(), polled.into());
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    /// With an I/O scheduler, a request that waits for its dispatch has no driver tag.
    #[test]
    fn requeued_request_may_lose_its_tag() -> Result {
        for (tags, is_scheduled) in [
            (TagSetBuilder::new(), true),
            (TagSetBuilder::new().no_scheduler_by_default(), false),
        ] {
            let disk = TestDisk::<()>::with(tags.queue_depth(4), GenDiskBuilder::new())?;
            let io = disk.read()?;
            let rq = disk.take()?;
            let reference = ARef::from(&*rq);
            let tag = reference.current_tag();
            assert_eq!(tag, Some(rq.tag()));
            rq.requeue(false);
            let expected = if is_scheduled { None } else { tag };
            assert_eq!(reference.current_tag(), expected);
            assert_eq!(reference.hw_queue(), 0);

            let other = disk.read_at(4096)?;
            let rq = disk.take()?;
            assert_eq!(rq.sector(), 4096);
            rq.requeue(true);
            for _ in 0..2 {
                let rq = disk.take()?;
                assert_eq!(rq.current_tag(), Some(rq.tag()));
                rq.end_ok();
            }
            for io in [&io, &other] {
                assert_eq!(io.wait(), Ok(raw(Status::OK)));
            }
        }
        Ok(())
    }

    /// Makes two disks on one tag set.
    fn pair<D: Data>() -> Result<[TestDisk<D>; 2]> {
        let tags = TagSetBuilder::new().queue_depth(4);
        let first = TestDisk::with(tags, GenDiskBuilder::new())?;
        let second = TestDisk::on(first.tag_set().clone(), GenDiskBuilder::new())?;
        Ok([first, second])
    }

    /// Checks that `note` was called once with `disks[which]`, and not with the other disk.
    fn check_noted<D: Data>(disks: &[TestDisk<D>; 2], which: usize) {
        let noted = disks
            .each_ref()
            .map(|disk| disk.kept.noted.xchg(0, Relaxed));
        let mut expected = [0; 2];
        expected[which] = 1;
        assert_eq!(noted, expected);
    }

    fn note<D: Data>(kept: &Kept<D>) {
        kept.noted.add(1, Relaxed);
    }

    #[test]
    fn queue_data_is_found_by_a_request() -> Result {
        let disks = pair::<()>()?;
        for which in [0, 1, 0] {
            // The other disk has a request in flight, too.
            let (disk, other) = (&disks[which], &disks[1 - which]);
            let ios = [disk.read()?, other.read()?];
            let (rq, other) = (disk.take()?, other.take()?);

            note(&rq.queue_data());
            check_noted(&disks, which);

            // Find the request by its tag.
            let found = disk.tag_set().tag_to_rq(rq.hw_queue(), rq.tag());
            note(&found.ok_or(ENOENT)?.queue_data());
            check_noted(&disks, which);

            disk.on_complete(|rq, _| {
                note(&rq.queue_data());
                rq.end_ok();
            });
            rq.complete();
            assert_eq!(ios[0].wait(), Ok(raw(Status::OK)));
            check_noted(&disks, which);
            other.end_ok();
            assert_eq!(ios[1].wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn queue_data_is_found_by_a_request_in_a_timer() -> Result {
        let disks = pair::<Owning>()?;
        for which in [0, 1, 0] {
            let io = disks[which].read()?;
            let rq = disks[which].take()?;
            rq.data().set(|rq, _| {
                note(&rq.queue_data());
                rq.end_ok();
            });
            RequestList::from(rq).start_timer(Delta::from_micros(100));
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            check_noted(&disks, which);
        }
        Ok(())
    }

    /// The request has ended. The reference keeps its disk.
    #[test]
    fn queue_data_is_found_by_a_request_after_its_end() -> Result {
        let disks = pair::<()>()?;
        for which in [0, 1] {
            let io = disks[which].read()?;
            let rq = disks[which].take()?;
            let reference = ARef::from(&*rq);
            rq.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            note(&reference.queue_data());
            check_noted(&disks, which);
        }
        Ok(())
    }
}
