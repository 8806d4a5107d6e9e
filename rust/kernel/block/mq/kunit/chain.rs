// SPDX-License-Identifier: GPL-2.0

//! Tests of requests that a driver keeps in a queue of its own.

#[macros::kunit_tests(rust_block_mq_chain)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    all_end_with,
                    count,
                    Io,
                    Keeper,
                    TestDisk,
                    COMPLETED,
                    COMPLETED_TOGETHER,
                    DROP_COMPLETED, //
                },
                GenDiskBuilder,
                RequestChain,
                TagSetBuilder, //
            },
            Status, //
        },
        prelude::*,
        sync::{
            aref::ARef,
            atomic::Relaxed, //
        },
    };

    /// Sends reads of different places, starts their requests and makes a chain of them.
    fn chain(disk: &TestDisk<()>, length: u64) -> Result<(KVec<Io>, RequestChain<Keeper<()>>)> {
        let mut ios = KVec::new();
        let mut chain = RequestChain::new();
        for i in 0..length {
            ios.push(disk.read_at(i * 1024)?, GFP_KERNEL)?;
            chain.push_back(disk.take()?.start());
        }
        Ok((ios, chain))
    }

    fn disk() -> Result<TestDisk<()>> {
        TestDisk::new(8)
    }

    #[test]
    fn first_in_is_first_out() -> Result {
        let disk = disk()?;
        let (ios, mut chain) = chain(&disk, 5)?;
        assert!(!chain.is_empty());
        for i in 0..5 {
            let rq = chain.pop_front().ok_or(ENOENT)?;
            assert_eq!(rq.sector(), i * 1024);
            rq.end_ok();
        }
        assert!(chain.is_empty());
        assert!(chain.pop_front().is_none());
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn taken_chain_leaves_an_empty_one() -> Result {
        let disk = disk()?;
        let (ios, mut first) = chain(&disk, 2)?;
        let mut taken = first.take();
        assert!(first.is_empty());
        first.push_back(taken.pop_front().ok_or(ENOENT)?);
        assert_eq!(first.pop_front().ok_or(ENOENT)?.sector(), 0);
        assert_eq!(taken.pop_front().ok_or(ENOENT)?.sector(), 1024);
        assert!(first.is_empty() && taken.is_empty());
        // All four owners above were dropped.
        all_end_with(&ios, Status::IOERR);
        Ok(())
    }

    #[test]
    fn one_is_removed_from_anywhere() -> Result {
        for which in 0..3 {
            let disk = disk()?;
            let (ios, mut chain) = chain(&disk, 3)?;
            let mut reference = None;
            for _ in 0..3 {
                let rq = chain.pop_front().ok_or(ENOENT)?;
                if rq.sector() == which * 1024 {
                    reference = Some(ARef::from(&*rq));
                }
                chain.push_back(rq);
            }
            let reference = reference.ok_or(ENOENT)?;

            let rq = chain.remove(&reference).ok_or(ENOENT)?;
            assert_eq!(rq.sector(), which * 1024);
            assert!(chain.remove(&reference).is_none());
            rq.end_ok();
            for sector in (0..3).filter(|&i| i != which).map(|i| i * 1024) {
                let rq = chain.pop_front().ok_or(ENOENT)?;
                assert_eq!(rq.sector(), sector);
                rq.end_ok();
            }
            assert!(chain.is_empty());
            all_end_with(&ios, Status::OK);
        }
        Ok(())
    }

    #[test]
    fn dropped_chain_ends_with_errors() -> Result {
        let disk = disk()?;
        let (ios, chain) = chain(&disk, 3)?;
        drop(chain);
        all_end_with(&ios, Status::IOERR);
        Ok(())
    }

    #[test]
    fn several_are_completed_by_one_call() -> Result {
        let disk = disk()?;
        let alone = COMPLETED.load(Relaxed);
        let together = COMPLETED_TOGETHER.load(Relaxed);
        for length in [2, 3, 8] {
            let (ios, chain) = chain(&disk, length)?;
            chain.complete();
            all_end_with(&ios, Status::OK);
        }
        assert_eq!(COMPLETED_TOGETHER.load(Relaxed) - together, 3);
        assert_eq!(COMPLETED.load(Relaxed) - alone, 13);
        Ok(())
    }

    #[test]
    fn one_is_completed_like_any_other() -> Result {
        let disk = disk()?;
        let alone = COMPLETED.load(Relaxed);
        let together = COMPLETED_TOGETHER.load(Relaxed);
        let (ios, chain) = chain(&disk, 1)?;
        chain.complete();
        all_end_with(&ios, Status::OK);
        RequestChain::<Keeper<()>>::new().complete();
        assert_eq!(COMPLETED_TOGETHER.load(Relaxed), together);
        assert_eq!(COMPLETED.load(Relaxed) - alone, 1);
        Ok(())
    }

    #[test]
    fn reference_does_not_keep_the_others() -> Result {
        let disk = disk()?;
        let (ios, mut chain) = chain(&disk, 3)?;
        let rq = chain.pop_front().ok_or(ENOENT)?;
        let reference = ARef::from(&*rq);
        chain.push_back(rq);
        chain.complete();
        all_end_with(&ios, Status::OK);
        assert_eq!(count(&reference), 1);
        Ok(())
    }

    #[test]
    fn completed_requests_that_are_dropped_fail() -> Result {
        let disk = disk()?;
        let (ios, chain) = chain(&disk, 3)?;
        DROP_COMPLETED.store(1, Relaxed);
        chain.complete();
        all_end_with(&ios, Status::IOERR);
        assert_eq!(DROP_COMPLETED.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn each_is_claimed_once_by_its_tag() -> Result {
        let disk =
            TestDisk::<()>::with(TagSetBuilder::new().queue_depth(4), GenDiskBuilder::new())?;
        let (ios, mut chain) = chain(&disk, 3)?;
        let mut tags = KVec::new();
        while let Some(rq) = chain.pop_front() {
            tags.push((rq.hw_queue(), rq.tag()), GFP_KERNEL)?;
            rq.park();
        }

        let tag_set = disk.tag_set();
        for &(hw_queue, tag) in &tags {
            let rq = tag_set.claim(hw_queue, tag).ok_or(ENOENT)?;
            assert_eq!(rq.tag(), tag);
            assert!(tag_set.claim(hw_queue, tag).is_none());
            rq.end_ok();
            assert!(tag_set.claim(hw_queue, tag).is_none());
            assert!(tag_set.tag_to_rq(hw_queue, tag).is_none());
        }
        assert!(tag_set.claim(0, 99).is_none());
        assert!(tag_set.tag_to_rq(0, 99).is_none());
        all_end_with(&ios, Status::OK);
        Ok(())
    }
}
