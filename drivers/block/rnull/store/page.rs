// SPDX-License-Identifier: GPL-2.0

//! A page of data.

use super::{
    bitmap::SectorBitmap,
    PageRange, //
};
use core::ops::Range;
use kernel::{
    alloc::{
        flags::GFP_NOIO,
        AllocError, //
    },
    block::{
        DataPage,
        Segment,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

/// A page of data, and a bitmap of the sectors that were written.
///
/// Sectors that were not written read as zeroes.
pub(super) struct StorePage {
    data: DataPage,
    written: SectorBitmap,
}

impl StorePage {
    /// Allocates a page without written sectors. May sleep, but starts no I/O.
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            data: DataPage::new(GFP_NOIO)?,
            written: SectorBitmap::NONE,
        })
    }

    /// Copies a range from the request's memory to the page.
    #[inline(always)]
    pub(super) fn write(&mut self, segment: Segment<'_>, range: PageRange) -> Result {
        segment.copy_to_page(range.at, &self.data, range.offset, range.len)?;
        if !self.written.is_full() {
            self.written.insert(range.sectors());
        }
        Ok(())
    }

    /// Copies a range from the page to the request's memory.
    #[inline(always)]
    pub(super) fn read(&self, segment: Segment<'_>, range: PageRange) -> Result {
        if self.written.is_full() {
            return segment.copy_from_page(range.at, &self.data, range.offset, range.len);
        }
        self.read_runs(segment, range, |part| segment.fill(part.at, part.len, 0))
    }

    /// Copies the written sectors of a range to the request's memory, and calls `missing` for each
    /// run of other sectors.
    #[inline(always)]
    pub(super) fn read_runs(
        &self,
        segment: Segment<'_>,
        range: PageRange,
        mut missing: impl FnMut(PageRange) -> Result,
    ) -> Result {
        for (run, there) in self.written.runs(range.sectors()) {
            let part = range.part(run);
            if there {
                segment.copy_from_page(part.at, &self.data, part.offset, part.len)?;
            } else {
                missing(part)?;
            }
        }
        Ok(())
    }

    /// Copies all written sectors of `other` to this page.
    pub(super) fn update_from(&mut self, other: &Self) -> Result {
        for (run, there) in other.written.runs(0..super::PAGE_SECTORS) {
            if there {
                self.data.copy_from(
                    &other.data,
                    run.start << SECTOR_SHIFT,
                    run.len() << SECTOR_SHIFT,
                )?;
                self.written.insert(run);
            }
        }
        Ok(())
    }

    /// Discards sectors. Returns whether no written sector is left.
    pub(super) fn discard(&mut self, sectors: Range<usize>) -> bool {
        self.written.remove(sectors);
        self.written.is_empty()
    }
}
