// SPDX-License-Identifier: GPL-2.0

//! Tests of lists of requests.

#[macros::kunit_tests(rust_block_mq_list)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    all_end_with,
                    count,
                    list,
                    raw,
                    timer::Owning,
                    wait_for,
                    Data,
                    Io,
                    Keeper,
                    Owner,
                    Plug,
                    TestDisk, //
                },
                GenDiskBuilder,
                InFlight,
                RequestList,
                State,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            aref::ARef,
            atomic::Relaxed,
            Arc, //
        },
        time::Delta, //
    };

    /// The block layer passes lists only without a scheduler.
    fn tags() -> TagSetBuilder {
        TagSetBuilder::new()
            .queue_depth(16)
            .no_scheduler_by_default()
    }

    fn disk() -> Result<TestDisk<()>> {
        TestDisk::with(tags(), GenDiskBuilder::new())
    }

    /// Submits reads that come in a list. They are not adjacent, so that they are not merged.
    fn plugged(disk: &TestDisk<()>, length: u64) -> Result<KVec<Io>> {
        let mut ios = KVec::new();
        Plug::scope(|| -> Result {
            for i in 0..length {
                ios.push(disk.read_at(i * 1024)?, GFP_KERNEL)?;
            }
            Ok(())
        })?;
        Ok(ios)
    }

    #[test]
    fn first_in_is_first_out() -> Result {
        let disk = disk()?;
        for length in [5, 1] {
            let (ios, requests) = disk.several(length)?;
            let mut list = list(requests);
            assert!(!list.is_empty());
            check(&mut list, &[0, 1, 2, 3, 4][..length as usize])?;
            all_end_with(&ios, Status::OK);
        }
        Ok(())
    }

    /// Checks which requests a list has, in order, and ends them.
    fn check<D: Data, S: State>(list: &mut RequestList<Keeper<D>, S>, expected: &[u64]) -> Result {
        for i in expected {
            let rq = list.pop_front().ok_or(ENOENT)?;
            assert_eq!(rq.sector(), i * 1024);
            rq.end_ok();
        }
        assert!(list.is_empty());
        assert!(list.pop_front().is_none());
        Ok(())
    }

    #[test]
    fn list_of_one() -> Result {
        let disk = disk()?;
        let io = disk.read()?;
        let list = RequestList::from(disk.take()?);
        list.end(|_| Status::NOSPC);
        assert_eq!(io.wait(), Ok(raw(Status::NOSPC)));

        let io = disk.read()?;
        let mut list = RequestList::from(disk.take()?);
        let rq = list.pop_front().ok_or(ENOENT)?;
        assert!(list.is_empty());
        // A list that has become empty is like a new one.
        list.push_back(rq);
        check(&mut list, &[0])?;
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn taken_list_leaves_an_empty_one() -> Result {
        let disk = disk()?;
        let (ios, requests) = disk.several(2)?;
        let mut first = list(requests);
        let mut taken = core::mem::take(&mut first);
        assert!(first.is_empty());
        first.push_back(taken.pop_front().ok_or(ENOENT)?);
        check(&mut first, &[0])?;
        check(&mut taken, &[1])?;
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    /// Removes each of three requests from a list, and adds it again.
    fn check_removal<D: Data>(
        disk: &TestDisk<D>,
        make: impl Fn(KVec<Owner<D>>) -> Result<RequestList<Keeper<D>, InFlight>>,
    ) -> Result {
        for (which, rest) in [[1, 2], [0, 2], [0, 1]].into_iter().enumerate() {
            let (ios, requests) = disk.several(3)?;
            let reference = ARef::from(&*requests[which]);
            let mut list = make(requests)?;
            let rq = list.remove(&reference).ok_or(ENOENT)?;
            assert_eq!(rq.sector(), which as u64 * 1024);
            assert!(list.remove(&reference).is_none());
            list.push_back(rq);
            check(&mut list, &[rest[0], rest[1], which as u64])?;
            all_end_with(&ios, Status::OK);
        }
        Ok(())
    }

    #[test]
    fn request_is_removed_from_anywhere() -> Result {
        check_removal(&disk()?, |requests| Ok(list(requests)))
    }

    #[test]
    fn only_request_is_removed() -> Result {
        let disk = disk()?;
        let (ios, mut requests) = disk.several(2)?;
        let other = requests.pop().ok_or(ENOENT)?;
        let mut list = list(requests);
        assert!(list.remove(&other).is_none());
        let reference = ARef::from(&*other);
        list.push_back(other);
        list.remove(&reference).ok_or(ENOENT)?.end_ok();
        let rq = list.pop_front().ok_or(ENOENT)?;
        let reference = ARef::from(&*rq);
        list.push_back(rq);
        list.remove(&reference).ok_or(ENOENT)?.end_ok();
        assert!(list.is_empty());
        assert!(list.remove(&reference).is_none());
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    /// Returns a list that a timer has owned.
    fn from_timer(requests: KVec<Owner<Owning>>) -> Result<RequestList<Keeper<Owning>, InFlight>> {
        let first = ARef::from(&**requests.first().ok_or(ENOENT)?);
        list(requests).start_timer(Delta::from_secs(1000));
        RequestList::cancel_timer(&first).ok_or(ENOENT)
    }

    #[test]
    fn list_that_was_in_a_timer_is_a_list() -> Result {
        let disk = TestDisk::<Owning>::with(tags(), GenDiskBuilder::new())?;
        check_removal(&disk, from_timer)?;
        for length in 1..=3 {
            let (ios, mut requests) = disk.several(length + 1)?;
            let last = requests.pop().ok_or(ENOENT)?;
            let mut list = from_timer(requests)?;
            list.push_back(last);
            check(&mut list, &[0, 1, 2, 3][..=length as usize])?;
            all_end_with(&ios, Status::OK);
        }
        Ok(())
    }

    #[test]
    fn list_that_was_completed_is_a_list() -> Result {
        let disk = disk()?;
        for length in 1..=4 {
            let (ios, requests) = disk.several(length)?;
            disk.on_complete(|first, mut rest| {
                rest.push_back(first);
                let mut order = 0;
                rest.end(|rq| {
                    order = 10 * order + (rq.sector() / 1024 + 1) as usize;
                    rq.queue_data().noted.store(order, Relaxed);
                    Status::OK
                });
            });
            list(requests).complete();
            all_end_with(&ios, Status::OK);
            let order = disk.kept.noted.load(Relaxed);
            assert_eq!(order, [1, 21, 231, 2341][length as usize - 1]);
        }

        let (ios, requests) = disk.several(3)?;
        disk.on_complete(|first, mut rest| {
            let reference = ARef::from(&*first);
            rest.push_back(first);
            if let Some(rq) = rest.remove(&reference) {
                rq.end(Status::NOSPC);
            }
            rest.end(|_| Status::OK);
        });
        list(requests).complete();
        all_end_with(&ios[..1], Status::NOSPC);
        all_end_with(&ios[1..], Status::OK);
        Ok(())
    }

    #[test]
    fn dropped_list_ends_with_errors() -> Result {
        let disk = disk()?;
        for consumed in 0..=3 {
            let (ios, requests) = disk.several(3)?;
            let mut list = list(requests);
            for rq in list.by_ref().take(consumed) {
                rq.end_ok();
            }
            drop(list);
            all_end_with(&ios[..consumed], Status::OK);
            all_end_with(&ios[consumed..], Status::IOERR);
        }
        Ok(())
    }

    #[test]
    fn list_ends_as_its_requests_do() -> Result {
        let disk = disk()?;
        for length in [0, 1, 2, 8] {
            let (ios, requests) = disk.several(length)?;
            let status = |sector| match sector / 1024 % 4 {
                1 => Status::MEDIUM,
                _ => Status::OK,
            };
            list(requests).end(|rq| status(rq.sector()));
            for (i, io) in ios.iter().enumerate() {
                assert_eq!(io.status(), Some(raw(status(i as u64 * 1024))));
            }
        }
        assert!(disk.has_tags(16)?);
        Ok(())
    }

    #[test]
    fn list_is_completed_by_one_call() -> Result {
        let disk = disk()?;
        for length in [2, 3, 8, 1] {
            let (ios, requests) = disk.several(length)?;
            list(requests).complete();
            all_end_with(&ios, Status::OK);
        }
        RequestList::<Keeper<()>, _>::new().complete();
        assert_eq!(disk.kept.completions.load(Relaxed), 4);
        assert_eq!(disk.kept.completed.load(Relaxed), 14);
        Ok(())
    }

    #[test]
    fn reference_does_not_keep_the_others() -> Result {
        let disk = disk()?;
        let (ios, requests) = disk.several(3)?;
        let reference = ARef::from(&*requests[0]);
        list(requests).complete();
        all_end_with(&ios, Status::OK);
        wait_for(|| (count(&reference) == 1).then_some(()))
    }

    #[test]
    fn completed_requests_that_are_dropped_fail() -> Result {
        let disk = disk()?;
        let (ios, requests) = disk.several(3)?;
        disk.on_complete(|_first, _rest| ());
        list(requests).complete();
        all_end_with(&ios, Status::IOERR);
        assert_eq!(disk.kept.completed.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn each_is_claimed_once_by_its_tag() -> Result {
        let disk = disk()?;
        let (ios, requests) = disk.several(3)?;
        let mut tags = KVec::new();
        for rq in list(requests) {
            tags.push((rq.hw_queue(), rq.tag()), GFP_KERNEL)?;
            rq.park();
        }

        let tag_set = disk.tag_set();
        for &(hw_queue, tag) in &tags {
            let claim = || tag_set.tag_to_rq(hw_queue, tag)?.claim();
            let rq = claim().ok_or(ENOENT)?;
            assert_eq!(rq.tag(), tag);
            assert!(claim().is_none());
            rq.end_ok();
            assert!(tag_set.tag_to_rq(hw_queue, tag).is_none());
        }
        assert!(tag_set.tag_to_rq(0, 99).is_none());
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn plugged_requests_come_together() -> Result {
        let disk = disk()?;
        let ios = plugged(&disk, 8)?;
        assert_eq!(disk.kept.lists.load(Relaxed), 1);
        let mut all = list(core::iter::from_fn(|| disk.try_take()));
        check(&mut all, &[0, 1, 2, 3, 4, 5, 6, 7])?;
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn idle_list_is_ended_or_dropped() -> Result {
        let disk = disk()?;
        disk.on_list(|_, requests| {
            requests.end(|_| Status::NOSPC);
            RequestList::new()
        });
        all_end_with(&plugged(&disk, 4)?, Status::NOSPC);

        disk.on_list(|_, requests| {
            drop(requests);
            RequestList::new()
        });
        all_end_with(&plugged(&disk, 4)?, Status::IOERR);
        assert!(disk.has_tags(16)?);
        Ok(())
    }

    /// While a task's plug is flushed, its requests are dispatched. An I/O that the driver then
    /// submits must go to the device after them.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn request_from_within_has_a_plug_of_its_own() -> Result {
        let here = TestDisk::with(
            TagSetBuilder::new().queue_depth(16).blocking(),
            GenDiskBuilder::new(),
        )?;
        let there = Arc::new(disk()?, GFP_KERNEL)?;
        here.forward_to(there.clone());
        here.on_request(1, |kept, rq| {
            kept.forward();
            kept.keep(rq);
            Ok(())
        });
        let io = Plug::scope_with_flush(|| here.read())?;
        here.take()?.end_ok();
        let forwarded = here.forwarded().ok_or(ENOENT)?;
        there.take()?.end_ok();
        for io in [&io, &forwarded] {
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    /// The driver may return the rest of the list that it got, or another list.
    #[test]
    fn requests_that_are_left_come_again_in_order() -> Result {
        let disk = disk()?;
        for round in 0..4 {
            let (taken, left): (&[u64], &[u64]) = match round {
                0 => {
                    disk.on_list(|_, requests| requests);
                    (&[], &[0, 1, 2, 3, 4, 5])
                }
                1 => {
                    disk.on_list(|kept, mut requests| {
                        for rq in requests.by_ref().take(4) {
                            kept.keep(rq);
                        }
                        requests
                    });
                    (&[0, 1, 2, 3], &[4, 5])
                }
                2 => {
                    disk.on_list(|kept, requests| {
                        let mut left = RequestList::new();
                        for rq in requests {
                            if rq.sector() / 1024 % 2 == 0 {
                                kept.keep(rq);
                            } else {
                                left.push_back(rq);
                            }
                        }
                        left
                    });
                    (&[0, 2, 4], &[1, 3, 5])
                }
                _ => {
                    // Move the first request to the end.
                    disk.on_list(|_, mut requests| {
                        if let Some(rq) = requests.pop_front() {
                            requests.push_back(rq);
                        }
                        requests
                    });
                    (&[], &[1, 2, 3, 4, 5, 0])
                }
            };
            let ios = plugged(&disk, 6)?;
            assert_eq!(disk.kept.lists.load(Relaxed), round + 1);
            for i in Iterator::chain(taken.iter(), left) {
                let rq = disk.take()?;
                assert_eq!(rq.sector(), i * 1024);
                rq.end_ok();
            }
            assert!(disk.try_take().is_none());
            all_end_with(&ios, Status::OK);
        }
        Ok(())
    }

    #[test]
    fn requests_are_committed_if_the_others_do_not_come() -> Result {
        let disk = TestDisk::<()>::with(
            tags().submit_queues(crate::cpu::nr_cpu_ids()),
            GenDiskBuilder::new(),
        )?;
        disk.on_list(|_, requests| requests);
        disk.on_request(2, |kept, rq| {
            if rq.sector() == 1024 {
                return Err(rq.refuse(Status::RESOURCE));
            }
            kept.keep(rq);
            Ok(())
        });
        let ios = plugged(&disk, 2)?;
        let rq = disk.take()?;
        assert_eq!(rq.sector(), 0);
        assert_eq!(disk.kept.committed.load(Relaxed), rq.hw_queue() + 1);
        rq.end_ok();
        disk.take()?.end_ok();
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn requests_that_are_left_come_before_new_ones() -> Result {
        let disk = Arc::new(
            TestDisk::<()>::with(tags().blocking(), GenDiskBuilder::new())?,
            GFP_KERNEL,
        )?;
        disk.forward_to(disk.clone());
        disk.on_list(|kept, mut requests| {
            if let Some(rq) = requests.pop_front() {
                kept.keep(rq);
            }
            // This submits a read of sector zero, which goes into the task's plug.
            kept.forward();
            requests
        });
        let ios = plugged(&disk, 4)?;
        for i in [0, 1, 2, 3, 0] {
            let rq = disk.take()?;
            assert_eq!(rq.sector(), i * 1024);
            rq.end_ok();
        }
        all_end_with(&ios, Status::OK);
        let forwarded = disk.forwarded().ok_or(ENOENT)?;
        assert_eq!(forwarded.wait(), Ok(raw(Status::OK)));
        Ok(())
    }
}
