// SPDX-License-Identifier: GPL-2.0

//! Tests of a request's fields, of its data, and of ending requests in a batch.

#[macros::kunit_tests(rust_block_mq_data)]
mod tests {
    use crate::{
        block::{
            mq::{
                kunit::{
                    raw,
                    Plug,
                    TestDisk, //
                },
                CompletionBatch,
                GenDiskBuilder,
                TagSetBuilder, //
            },
            DataPage,
            Op,
            Status, //
        },
        page::PAGE_SIZE,
        prelude::*,
        sync::aref::ARef, //
    };

    #[test]
    fn request_has_its_operation_and_range() -> Result {
        let disk = TestDisk::<()>::caching(4)?;

        let io = disk.read_at(24)?;
        let rq = disk.take()?;
        assert_eq!(rq.op(), Op::READ);
        assert_eq!(rq.sector(), 24);
        assert_eq!(rq.bytes() as usize, PAGE_SIZE);
        assert_eq!(rq.sectors(), 8);
        assert_eq!(rq.hw_queue(), 0);
        assert!(rq.tag() < 4);
        rq.end(Status::OK);
        io.wait()?;

        let io = disk.write(0)?;
        let rq = disk.take()?;
        assert_eq!(rq.op(), Op::WRITE);
        rq.end(Status::OK);
        io.wait()?;

        let io = disk.flush()?;
        let rq = disk.take()?;
        assert_eq!(rq.op(), Op::FLUSH);
        assert_eq!(rq.bytes(), 0);
        assert!(rq.segments().next().is_none());
        rq.end(Status::OK);
        io.wait()?;
        Ok(())
    }

    #[test]
    fn read_fills_memory() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let mut total = 0;
        for segment in rq.segments() {
            total += segment.len();
            assert_eq!(segment.zero(), Ok(()));
            assert_eq!(segment.copy_from(1, &[7; 3]), Ok(()));
            assert_eq!(segment.copy_from(segment.len() - 1, &[9]), Ok(()));
        }
        assert_eq!(total, PAGE_SIZE);
        rq.end(Status::OK);
        io.wait()?;

        let mut bytes = [1; 6];
        io.data(0, &mut bytes)?;
        assert_eq!(bytes, [0, 7, 7, 7, 0, 0]);
        io.data(PAGE_SIZE - 2, &mut bytes[..2])?;
        assert_eq!(bytes[..2], [0, 9]);
        Ok(())
    }

    #[test]
    fn segments_come_in_parts() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        // One request with two bios.
        let ios = Plug::scope(|| [disk.read_at(0), disk.read_at((PAGE_SIZE / 512) as u64)]);
        let rq = disk.take()?;
        assert_eq!(rq.bytes() as usize, 2 * PAGE_SIZE);
        let parts = |max| {
            let mut segments = rq.segments();
            core::iter::from_fn(move || segments.next_part(max))
        };
        assert!(parts(0).next().is_none());
        assert!(parts(usize::MAX).map(|part| part.len()).eq([PAGE_SIZE; 2]));
        // Segments that do not have as many bytes stay where they are.
        let mut segments = rq.segments();
        assert!(segments.next_exact(0).is_none());
        assert!(segments.next_exact(PAGE_SIZE + 1).is_none());
        assert!(segments.next_exact(PAGE_SIZE - 8).is_some());
        assert!(segments.next_exact(9).is_none());
        assert_eq!(segments.next_exact(8).map(|part| part.len()), Some(8));
        assert!(segments.next_exact(PAGE_SIZE).is_some());
        assert!(segments.next_exact(1).is_none());

        // The second segment of a page ends with the page.
        let first = PAGE_SIZE - 100;
        let lens = [first, 100, first, 100];
        assert!(parts(first).map(|part| part.len()).eq(lens));
        for (number, part) in (1..).zip(parts(first)) {
            part.fill(0, part.len(), number)?;
        }
        rq.end(Status::OK);

        let mut bytes = [0; 2];
        for (io, expected) in ios.into_iter().zip([[1, 2], [3, 4]]) {
            let io = io?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            io.data(first - 1, &mut bytes)?;
            assert_eq!(bytes, expected);
        }
        Ok(())
    }

    #[test]
    fn written_memory_is_only_read() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.write(0x5a)?;
        let rq = disk.take()?;
        for segment in rq.segments() {
            let mut bytes = [0; 16];
            assert_eq!(segment.copy_to(100, &mut bytes), Ok(()));
            assert_eq!(bytes, [0x5a; 16]);
            assert_eq!(segment.copy_from(0, &[1]), Err(EPERM));
            assert_eq!(segment.zero(), Err(EPERM));
        }
        rq.end(Status::OK);
        io.wait()?;

        let mut bytes = [0; 1];
        io.data(0, &mut bytes)?;
        assert_eq!(bytes, [0x5a]);
        Ok(())
    }

    #[test]
    fn copies_stay_inside() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        for segment in rq.segments() {
            let len = segment.len();
            let mut bytes = [0; 2];
            assert_eq!(segment.copy_to(len - 2, &mut bytes), Ok(()));
            assert_eq!(segment.copy_to(len - 1, &mut bytes), Err(EINVAL));
            assert_eq!(segment.copy_to(len, &mut bytes), Err(EINVAL));
            assert_eq!(segment.copy_to(usize::MAX, &mut bytes), Err(EINVAL));
            assert_eq!(segment.copy_from(len - 1, &bytes), Err(EINVAL));
            assert_eq!(segment.copy_from(usize::MAX, &bytes), Err(EINVAL));
            assert_eq!(segment.copy_from(len, &[]), Ok(()));
        }
        rq.end(Status::OK);
        io.wait()?;
        Ok(())
    }

    #[test]
    fn data_goes_through_a_page() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        let page = DataPage::new(GFP_KERNEL)?;

        let io = disk.write(0x5a)?;
        let rq = disk.take()?;
        for segment in rq.segments() {
            assert_eq!(segment.copy_to_page(1, &page, 100, 3), Ok(()));
            assert_eq!(
                segment.copy_to_page(segment.len() - 1, &page, 0, 2),
                Err(EINVAL)
            );
            assert_eq!(
                segment.copy_to_page(0, &page, PAGE_SIZE - 1, 2),
                Err(EINVAL)
            );
            assert_eq!(segment.copy_to_page(0, &page, usize::MAX, 2), Err(EINVAL));
            assert_eq!(segment.copy_from_page(0, &page, 0, 1), Err(EPERM));
            assert_eq!(segment.fill(0, 1, 1), Err(EPERM));
        }
        rq.end(Status::OK);
        io.wait()?;

        let io = disk.read()?;
        let rq = disk.take()?;
        for segment in rq.segments() {
            assert_eq!(segment.fill(0, 8, 0x11), Ok(()));
            assert_eq!(segment.copy_from_page(1, &page, 99, 5), Ok(()));
            assert_eq!(
                segment.copy_from_page(segment.len() - 1, &page, 0, 2),
                Err(EINVAL)
            );
            assert_eq!(
                segment.copy_from_page(0, &page, PAGE_SIZE - 1, 2),
                Err(EINVAL)
            );
            assert_eq!(segment.fill(segment.len() - 1, 2, 0), Err(EINVAL));
            assert_eq!(segment.fill(usize::MAX, 2, 0), Err(EINVAL));
        }
        rq.end(Status::OK);
        io.wait()?;

        let mut bytes = [1; 9];
        io.data(0, &mut bytes)?;
        assert_eq!(bytes, [0x11, 0, 0x5a, 0x5a, 0x5a, 0, 0x11, 0x11, 0xff]);
        Ok(())
    }

    #[test]
    fn only_fua_is_fua() -> Result {
        let disk = TestDisk::<()>::with(
            TagSetBuilder::new().queue_depth(4),
            GenDiskBuilder::new().write_cache(true).fua(true),
        )?;
        for fua in [false, true] {
            let io = if fua {
                disk.write_fua(1)
            } else {
                disk.write(1)
            }?;
            let rq = disk.take()?;
            assert_eq!(rq.op(), Op::WRITE);
            assert_eq!(rq.flags().is_fua(), fua);
            // No fault injection is enabled for this disk.
            assert!(!rq.should_fake_timeout());
            rq.end(Status::OK);
            io.wait()?;
        }
        Ok(())
    }

    #[test]
    fn batch_ends_all() -> Result {
        ends_all(TagSetBuilder::new().no_scheduler_by_default(), true)
    }

    #[test]
    fn requests_of_a_scheduler_end_at_once() -> Result {
        ends_all(TagSetBuilder::new(), false)
    }

    /// Ends eight requests in a batch. `wait` tells whether they must wait in it.
    fn ends_all(tags: TagSetBuilder, wait: bool) -> Result {
        let disk = TestDisk::<()>::with(tags.queue_depth(16), GenDiskBuilder::new())?;
        let mut ios = KVec::new();
        let mut requests = KVec::new();
        for _ in 0..8 {
            ios.push(disk.read()?, GFP_KERNEL)?;
            requests.push(disk.take()?, GFP_KERNEL)?;
        }
        // A request with a reference can be in a batch.
        let reference = ARef::from(&*requests[3]);

        CompletionBatch::scope(|batch| {
            for (i, rq) in requests.into_iter().enumerate() {
                let status = if i == 5 { Status::MEDIUM } else { Status::OK };
                assert_eq!(batch.is_empty(), i == 0 || !wait);
                rq.end_batched(status, batch);
            }
        });
        for (i, io) in ios.iter().enumerate() {
            let status = if i == 5 { Status::MEDIUM } else { Status::OK };
            assert_eq!(io.status(), Some(raw(status)));
        }
        drop(reference);
        // All tags are free again: there is room for sixteen I/Os.
        let mut ios = KVec::new();
        for _ in 0..16 {
            ios.push(disk.read()?, GFP_KERNEL)?;
        }
        for _ in 0..16 {
            disk.take()?.end_ok();
        }
        Ok(())
    }

    #[test]
    fn batch_may_be_empty_or_hold_a_flush() -> Result {
        assert_eq!(CompletionBatch::scope(|_| 7), 7);

        let disk = TestDisk::<()>::caching(4)?;
        let io = disk.flush()?;
        let rq = disk.take()?;
        CompletionBatch::scope(|batch| {
            rq.end_batched(Status::OK, batch);
            assert!(batch.is_empty());
        });
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }
}
