// SPDX-License-Identifier: GPL-2.0

//! The pages of a device.
//!
//! A page is allocated by the first write to it, and freed when all of its sectors are discarded.

use super::{
    directory::Directory,
    page::StorePage,
    page_ranges,
    Data,
    PageRange,
    PAGE_SECTORS, //
};
use kernel::{
    block::{
        Segment,
        SECTOR_SHIFT,
        SECTOR_SIZE, //
    },
    new_spinlock,
    prelude::*,
    sync::{
        SpinLock,
        SpinLockGuard, //
    },
};

/// The number of pages that a discard looks up before it drops the lock.
const DISCARD_BATCH: usize = 64;

/// The pages of a device.
#[pin_data]
pub(crate) struct Tree {
    #[pin]
    pages: SpinLock<Directory>,
}

/// The locked pages of a device. The holder must not sleep.
pub(super) type Pages<'a> = SpinLockGuard<'a, Directory>;

impl Tree {
    /// Returns an initializer for a tree without pages.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            pages <- new_spinlock!(Directory::new()),
        })
    }

    /// Locks the pages.
    #[inline]
    pub(super) fn lock(&self) -> Pages<'_> {
        self.pages.lock()
    }

    /// Copies the data of the device to the memory of a request, and fills the memory with 0xff
    /// where data cannot be read. Does not sleep.
    #[inline(always)]
    pub(crate) fn read<const LIMITED: bool>(&self, mut data: Data<'_, LIMITED>) -> Result {
        let pages = self.lock();
        while let Some((segment, range)) = data.next() {
            let good = data.readable(range);
            read_range(pages.page(range.index), segment, good)?;
            no_data(segment, good.len, range.len)?;
        }
        Ok(())
    }

    /// Copies the memory of a request to the device.
    ///
    /// May sleep to allocate pages.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. A part of the data may have been written.
    #[inline(always)]
    pub(crate) fn write<const LIMITED: bool>(&self, data: Data<'_, LIMITED>) -> Result {
        let mut pages = self.lock();
        for (segment, range) in data {
            loop {
                if let Some(page) = pages.page_mut(range.index) {
                    page.write(segment, range)?;
                    break;
                }
                pages = self.make(pages, range.index)?;
            }
        }
        Ok(())
    }

    /// Calls `change` with the page with the number `index`. Allocates the page if there is none.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory, or those of `change`.
    pub(super) fn update(
        &self,
        index: usize,
        change: impl FnOnce(&mut StorePage) -> Result,
    ) -> Result {
        let mut pages = self.lock();
        loop {
            if let Some(page) = pages.page_mut(index) {
                return change(page);
            }
            pages = self.make(pages, index)?;
        }
    }

    /// Adds the next missing part for the page with the number `index`. Drops the lock meanwhile.
    #[cold]
    fn make<'a>(&'a self, pages: Pages<'a>, index: usize) -> Result<Pages<'a>> {
        let Some(missing) = pages.missing(index) else {
            return Ok(pages);
        };
        drop(pages);
        let part = missing.make().map_err(|_| ENOSPC)?;
        let mut pages = self.lock();
        let left = pages.add(index, part);
        if left.is_some() {
            // The part must not be freed under the lock.
            drop(pages);
            drop(left);
            pages = self.lock();
        }
        Ok(pages)
    }

    /// Discards `sectors` sectors from `first` on.
    pub(crate) fn discard(&self, first: u64, sectors: u64) {
        let mut rest =
            page_ranges(first << SECTOR_SHIFT, (sectors << SECTOR_SHIFT) as usize).peekable();
        while rest.peek().is_some() {
            // Pages are freed outside of the lock.
            let mut gone = [const { (None, None) }; DISCARD_BATCH];
            let mut pages = self.lock();
            for (gone, range) in gone.iter_mut().zip(rest.by_ref()) {
                // Only whole sectors of the range.
                let first = range.offset.div_ceil(SECTOR_SIZE as usize);
                let end = (range.offset + range.len) >> SECTOR_SHIFT;
                debug_assert!(end <= PAGE_SECTORS);
                *gone = pages.take_if(range.index, |page| page.discard(first..end));
            }
            drop(pages);
        }
    }
}

/// Copies from a page to a segment, or fills the segment with zeroes if there is no page.
#[inline(always)]
pub(super) fn read_range(
    page: Option<&StorePage>,
    segment: Segment<'_>,
    range: PageRange,
) -> Result {
    match page {
        Some(page) => page.read(segment, range),
        None => segment.fill(range.at, range.len, 0),
    }
}

/// Fills a segment with 0xff from the byte `good` on, where data cannot be read.
#[inline(always)]
pub(super) fn no_data(segment: Segment<'_>, good: usize, len: usize) -> Result {
    if good < len {
        segment.fill(good, len - good, 0xff)?;
    }
    Ok(())
}
