// SPDX-License-Identifier: GPL-2.0

//! The backing store in memory, and the write cache.
//!
//! * `bitmap`: the sectors of a page that are stored.
//! * `page`: a page of data.
//! * `radix`: a radix tree of pages.
//! * `tree`: the pages of a device.
//! * `cache`: the write cache.

mod bitmap;
mod cache;
mod page;
mod radix;
mod tree;

pub(crate) use self::{
    cache::Cache,
    tree::Tree, //
};

use kernel::{
    block::{
        mq::Segments,
        Segment,
        SECTOR_SHIFT,
        SECTOR_SIZE, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// Sectors in a page.
const PAGE_SECTORS: usize = PAGE_SIZE / SECTOR_SIZE as usize;

/// The data of a request: the range of the device, and the segments of memory that it is copied
/// from or to.
///
/// With `LIMITED`, a read returns 0xff from some byte of the device on.
pub(crate) struct Data<'a, const LIMITED: bool> {
    segments: Segments<'a>,
    /// The next byte of the device.
    position: u64,
    /// The byte of the device behind the last one.
    end: u64,
    /// With `LIMITED`, the first byte of the device that cannot be read.
    readable: u64,
}

impl<'a> Data<'a, false> {
    /// Returns the data of a request with the memory `segments`, for `bytes` bytes from the sector
    /// `first` on.
    #[inline]
    pub(crate) fn all(segments: Segments<'a>, first: u64, bytes: u32) -> Self {
        let position = first << SECTOR_SHIFT;
        Self {
            segments,
            position,
            end: position + u64::from(bytes),
            readable: 0,
        }
    }
}

impl<'a> Data<'a, true> {
    /// Returns the data of a request with the memory `segments`, for `sectors` sectors from `first`
    /// on. The bytes of the device from `readable` on cannot be read.
    #[inline]
    pub(crate) fn part(segments: Segments<'a>, first: u64, sectors: u32, readable: u64) -> Self {
        Self {
            segments,
            position: first << SECTOR_SHIFT,
            end: (first + u64::from(sectors)) << SECTOR_SHIFT,
            readable,
        }
    }
}

impl<'a, const LIMITED: bool> Data<'a, LIMITED> {
    /// Returns the next range of the device, up to the end of a page.
    #[inline(always)]
    fn range(&self) -> Option<PageRange> {
        let left = self.end - self.position;
        (left > 0).then(|| PageRange::new(self.position, left))
    }

    /// Returns whether all of `range` can be read.
    #[inline(always)]
    fn is_readable(&self, range: PageRange) -> bool {
        !LIMITED || range.position() + range.len as u64 <= self.readable
    }

    /// Returns the memory for `range`, which must be the next range, if it is one segment. Then the
    /// next range is the one behind it.
    #[inline(always)]
    fn next_segment(&mut self, range: PageRange) -> Option<Segment<'a>> {
        let segment = self.segments.next_exact(range.len)?;
        self.position += range.len as u64;
        Some(segment)
    }

    /// Calls `copy` for each segment of the memory for `range`, which must be the next range, with
    /// the part of the range that belongs to it.
    fn for_each(
        &mut self,
        mut range: PageRange,
        mut copy: impl FnMut(Segment<'_>, PageRange) -> Result,
    ) -> Result {
        self.position += range.len as u64;
        while range.len > 0 {
            let segment = self.segments.next_part(range.len).ok_or(EIO)?;
            copy(segment, range.first(segment.len()))?;
            range.offset += segment.len();
            range.len -= segment.len();
        }
        Ok(())
    }

    /// As [`for_each`](Self::for_each), with the part that can be read. Fills the rest of the
    /// segment with 0xff.
    fn for_each_readable(
        &mut self,
        range: PageRange,
        mut copy: impl FnMut(Segment<'_>, PageRange) -> Result,
    ) -> Result {
        let readable = self.readable;
        self.for_each(range, |segment, part| {
            let left = readable.saturating_sub(part.position());
            let good = if LIMITED {
                left.min(part.len as u64) as usize
            } else {
                part.len
            };
            copy(segment, part.first(good))?;
            segment.fill(good, part.len - good, 0xff)
        })
    }
}

/// A range of bytes of the device inside one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRange {
    /// The number of the page.
    page: u64,
    /// The first byte, counted from the start of the page.
    offset: usize,
    /// The first byte, counted from the start of the segment.
    at: usize,
    /// The length in bytes.
    len: usize,
}

impl PageRange {
    /// Returns the bytes from the byte `position` of the device on: `len` bytes, or those up to the
    /// end of the page.
    #[inline]
    fn new(position: u64, len: u64) -> Self {
        let offset = position as usize % PAGE_SIZE;
        Self {
            page: position >> PAGE_SHIFT,
            offset,
            at: 0,
            len: len.min((PAGE_SIZE - offset) as u64) as usize,
        }
    }

    /// Returns the first byte, counted from the start of the device.
    #[inline]
    fn position(&self) -> u64 {
        (self.page << PAGE_SHIFT) + self.offset as u64
    }

    /// Returns the first `len` bytes.
    #[inline]
    fn first(self, len: usize) -> Self {
        Self { len, ..self }
    }

    /// Returns the sectors of the page that the range touches.
    #[inline]
    fn sectors(&self) -> core::ops::Range<usize> {
        let end = self.offset + self.len;
        self.offset >> SECTOR_SHIFT..end.div_ceil(SECTOR_SIZE as usize)
    }

    /// Returns the part of the range that lies in `sectors` of the page.
    fn part(&self, sectors: core::ops::Range<usize>) -> Self {
        let offset = self.offset.max(sectors.start << SECTOR_SHIFT);
        let end = (self.offset + self.len).min(sectors.end << SECTOR_SHIFT);
        Self {
            page: self.page,
            offset,
            at: self.at + (offset - self.offset),
            len: end.saturating_sub(offset),
        }
    }
}

#[kernel::prelude::kunit_tests(rnull_store)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_with_pages() {
        const P: usize = PAGE_SIZE;
        let range = |position: usize, len: usize| {
            let PageRange {
                page,
                offset,
                at,
                len,
            } = PageRange::new(position as u64, len as u64);
            (page, offset, at, len)
        };
        assert_eq!(range(0, 512), (0, 0, 0, 512));
        assert_eq!(range(0, P), (0, 0, 0, P));
        assert_eq!(range(0, P + 1), (0, 0, 0, P));
        assert_eq!(range(P - 512, 1024), (0, P - 512, 0, 512));
        assert_eq!(range(3 * P + 100, 2 * P), (3, 100, 0, P - 100));
        assert_eq!(range(5 * P, 100), (5, 0, 0, 100));
    }

    #[test]
    fn ranges_have_parts() {
        let range = PageRange {
            page: 7,
            offset: 100,
            at: 1000,
            len: 2000,
        };
        let part = |sectors| {
            let PageRange {
                page,
                offset,
                at,
                len,
            } = range.part(sectors);
            (page, offset, at, len)
        };
        assert_eq!(part(0..5), (7, 100, 1000, 2000));
        assert_eq!(part(0..1), (7, 100, 1000, 412));
        assert_eq!(part(1..2), (7, 512, 1412, 512));
        assert_eq!(part(4..5), (7, 2048, 2948, 52));
    }

    #[test]
    fn ranges_touch_sectors() {
        let sectors = |offset, len| {
            PageRange {
                page: 0,
                offset,
                at: 0,
                len,
            }
            .sectors()
        };
        assert_eq!(sectors(0, 512), 0..1);
        assert_eq!(sectors(512, 1024), 1..3);
        assert_eq!(sectors(0, PAGE_SIZE), 0..PAGE_SECTORS);
        assert_eq!(sectors(100, 100), 0..1);
        assert_eq!(sectors(500, 24), 0..2);
    }
}
