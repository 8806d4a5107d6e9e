// SPDX-License-Identifier: GPL-2.0

//! Tests of finding a request by its tag.

#[macros::kunit_tests(rust_block_mq_tags)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    all_end_with,
                    count,
                    raw,
                    Keeper,
                    Kept,
                    TestDisk, //
                },
                GenDiskBuilder,
                Idle,
                OwnedRequest,
                QueueResult,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            aref::ARef,
            atomic::Relaxed, //
        }, //
    };

    #[test]
    fn invented_numbers_find_nothing() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let tags = disk.tag_set();
        for hw_queue in [0, 1, 2, 64, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for tag in [0, 1, 3, 4, 5, 64, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                assert!(tags.tag_to_rq(hw_queue, tag).is_none());
            }
        }
        Ok(())
    }

    /// Keeps a request, and counts those that are found by their tag before they are started.
    fn look_up<'call>(
        kept: &Kept<()>,
        rq: OwnedRequest<Keeper<()>, Idle<'call>>,
    ) -> QueueResult<'call, Keeper<()>> {
        let found = kept.tag_set.tag_to_rq(rq.hw_queue(), rq.tag());
        kept.noted.add(found.is_some().into(), Relaxed);
        kept.keep(rq);
        Ok(())
    }

    #[test]
    fn tag_is_found_while_it_is_started() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let tags = disk.tag_set();
        for _ in 0..20 {
            disk.on_request(1, look_up);
            let io = disk.read()?;
            let rq = disk.take()?;
            assert_eq!(disk.kept.noted.load(Relaxed), 0);

            let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
            let found = tags.tag_to_rq(hw_queue, tag).ok_or(ENOENT)?;
            assert!(found.as_raw() == rq.as_raw());
            assert_eq!(count(&rq), 2);
            drop(found);
            assert_eq!(count(&rq), 1);

            rq.end_ok();
            assert!(tags.tag_to_rq(hw_queue, tag).is_none());
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn ended_request_is_not_found() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        rq.end_ok();
        io.wait()?;
        // The reference keeps the request, but it is not in flight.
        assert_eq!(count(&reference), 1);
        assert!(disk.tag_set().tag_to_rq(hw_queue, tag).is_none());
        assert_eq!(count(&reference), 1);
        Ok(())
    }

    #[test]
    fn requeued_request_is_not_found() -> Result {
        for tags in [
            TagSetBuilder::new(),
            TagSetBuilder::new().no_scheduler_by_default(),
        ] {
            let disk = TestDisk::<()>::with(tags.queue_depth(4), GenDiskBuilder::new())?;
            let (io, other) = (disk.read_at(0)?, disk.read_at(4096)?);
            let (rq, kick) = (disk.take()?, disk.take()?);
            let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
            rq.requeue(false);
            assert!(disk.tag_set().tag_to_rq(hw_queue, tag).is_none());
            // The requests come again. They are not started at once.
            disk.on_request(2, look_up);
            kick.requeue(true);
            for _ in 0..2 {
                disk.take()?.end_ok();
            }
            assert_eq!(disk.kept.noted.load(Relaxed), 0);
            all_end_with(&[io, other], Status::OK);
        }
        Ok(())
    }

    #[test]
    fn claim_by_tag_happens_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        let claim = || disk.tag_set().tag_to_rq(hw_queue, tag)?.claim();

        assert!(claim().is_none());
        rq.park();
        let rq = claim().ok_or(ENOENT)?;
        assert!(claim().is_none());
        assert_eq!(count(&rq), 1);
        rq.end_ok();
        assert!(claim().is_none());
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn claim_by_another_tag_gets_nothing() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4).poll_queues(1),
            GenDiskBuilder::new(),
        )?;
        let tags = disk.tag_set();
        let claim = |queue, number| tags.tag_to_rq(queue, number)?.claim();
        let first = disk.read()?;
        let second = disk.read()?;
        let rq = disk.take()?;
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        let other = disk.take()?;
        let other_tag = other.tag();
        rq.park();

        let mut wrong = 0;
        for queue in [0, 1, 2, 3, 1 << 18, u32::MAX] {
            for number in [0, 1, 2, 3, 4, 1 << 14, tag | 1 << 14, u32::MAX] {
                if (queue, number) != (hw_queue, tag) && claim(queue, number).is_some() {
                    wrong += 1;
                }
            }
        }
        other.park();
        let other = claim(hw_queue, other_tag);
        let rq = claim(hw_queue, tag);
        let found = (other.is_some(), rq.is_some());
        for rq in [other, rq].into_iter().flatten() {
            rq.end_ok();
        }
        assert_eq!(wrong, 0);
        assert_eq!(found, (true, true));
        assert_eq!(first.wait(), Ok(raw(Status::OK)));
        assert_eq!(second.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn flush_is_found_by_its_tag() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        let io = disk.flush()?;
        let rq = disk.take()?;
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        rq.park();
        let found = disk.tag_set().tag_to_rq(hw_queue, tag).ok_or(ENOENT)?;
        found.claim().ok_or(ENOENT)?.end(Status::IOERR);
        drop(found);
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
        Ok(())
    }
}
