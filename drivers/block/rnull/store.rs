// SPDX-License-Identifier: GPL-2.0

//! The backing store in memory, and the write cache.
//!
//! * `bitmap`: the sectors of a page that are stored.
//! * `page`: a page of data.
//! * `directory`: a radix tree of pages.
//! * `tree`: the pages of a device.
//! * `cache`: the write cache.

mod bitmap;
mod cache;
mod directory;
mod page;
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
};

/// Sectors in a page.
const PAGE_SECTORS: usize = PAGE_SIZE / SECTOR_SIZE as usize;

/// The data of a request: an iterator over the ranges of pages that the request is for. Each item
/// has the segment of the request's memory from or to which the range is copied.
///
/// With `LIMITED`, the iterator ends after a number of sectors, and data cannot be read from some
/// byte of the device on.
pub(crate) struct Data<'a, const LIMITED: bool> {
    segments: Segments<'a>,
    /// The next byte of the device.
    position: u64,
    /// The number of bytes left, with `LIMITED`.
    left: usize,
    /// The first byte of the device that cannot be read, with `LIMITED`.
    end: u64,
}

impl<'a> Data<'a, false> {
    /// Returns the data of a request with the memory `segments`, for the sectors from `first` on.
    #[inline]
    pub(crate) fn all(segments: Segments<'a>, first: u64) -> Self {
        Self {
            segments,
            position: first << SECTOR_SHIFT,
            left: 0,
            end: 0,
        }
    }
}

impl<'a> Data<'a, true> {
    /// Returns the first `sectors` sectors of the data of a request, as [`all`](Data::all) does.
    /// The bytes of the device from `end` on cannot be read.
    #[inline]
    pub(crate) fn part(segments: Segments<'a>, first: u64, sectors: u32, end: u64) -> Self {
        Self {
            segments,
            position: first << SECTOR_SHIFT,
            left: (sectors as usize) << SECTOR_SHIFT,
            end,
        }
    }
}

impl<const LIMITED: bool> Data<'_, LIMITED> {
    /// Returns the readable part of a range, which is at its start.
    #[inline]
    fn readable(&self, range: PageRange) -> PageRange {
        if !LIMITED {
            return range;
        }
        let left = self.end.saturating_sub(range.position());
        range.first(left.min(range.len as u64) as usize)
    }
}

impl<'a, const LIMITED: bool> Iterator for Data<'a, LIMITED> {
    type Item = (Segment<'a>, PageRange);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut range = PageRange::at(self.position, 0);
        let mut most = PAGE_SIZE - range.offset;
        if LIMITED {
            most = most.min(self.left);
        }
        let segment = self.segments.next_part(most)?;
        range.len = segment.len();
        self.position += range.len as u64;
        if LIMITED {
            self.left -= range.len;
        }
        Some((segment, range))
    }
}

/// A range of bytes of the device inside one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRange {
    /// The number of the page.
    index: usize,
    /// The first byte, counted from the start of the page.
    offset: usize,
    /// The first byte, counted from the start of the segment, or of the range that was split.
    at: usize,
    /// The length in bytes.
    len: usize,
}

impl PageRange {
    /// Returns `len` bytes from the byte `position` of the device on.
    #[inline]
    fn at(position: u64, len: usize) -> Self {
        Self {
            index: (position >> PAGE_SHIFT) as usize,
            offset: position as usize % PAGE_SIZE,
            at: 0,
            len,
        }
    }

    /// Returns the first byte, counted from the start of the device.
    #[inline]
    fn position(&self) -> u64 {
        ((self.index as u64) << PAGE_SHIFT) + self.offset as u64
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
            index: self.index,
            offset,
            at: self.at + (offset - self.offset),
            len: end.saturating_sub(offset),
        }
    }
}

/// Splits `len` bytes of the device, from the byte `position` on, at page boundaries.
#[inline]
fn page_ranges(position: u64, len: usize) -> impl Iterator<Item = PageRange> {
    let mut at = 0;
    core::iter::from_fn(move || {
        if at == len {
            return None;
        }
        let mut range = PageRange::at(position + at as u64, len - at);
        range.at = at;
        range.len = range.len.min(PAGE_SIZE - range.offset);
        at += range.len;
        Some(range)
    })
}

#[kernel::prelude::kunit_tests(rnull_store)]
mod tests {
    use super::*;

    fn check(position: u64, len: usize, expected: &[(usize, usize, usize, usize)]) {
        let mut found = page_ranges(position, len);
        for &(index, offset, at, len) in expected {
            let expected = PageRange {
                index,
                offset,
                at,
                len,
            };
            assert_eq!(found.next(), Some(expected));
        }
        assert_eq!(found.next(), None);
    }

    #[test]
    fn ranges_end_with_pages() {
        const P: usize = PAGE_SIZE;
        check(0, 0, &[]);
        check(0, 512, &[(0, 0, 0, 512)]);
        check(0, P, &[(0, 0, 0, P)]);
        check(0, P + 1, &[(0, 0, 0, P), (1, 0, P, 1)]);
        check(
            P as u64 - 512,
            1024,
            &[(0, P - 512, 0, 512), (1, 0, 512, 512)],
        );
        check(
            3 * P as u64 + 100,
            2 * P,
            &[
                (3, 100, 0, P - 100),
                (4, 0, P - 100, P),
                (5, 0, 2 * P - 100, 100),
            ],
        );
    }

    #[test]
    fn ranges_have_parts() {
        let range = PageRange {
            index: 7,
            offset: 100,
            at: 1000,
            len: 2000,
        };
        let part = |sectors| {
            let PageRange {
                index,
                offset,
                at,
                len,
            } = range.part(sectors);
            (index, offset, at, len)
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
                index: 0,
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
