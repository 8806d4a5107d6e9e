// SPDX-License-Identifier: GPL-2.0

//! The pages of a device.
//!
//! There is no lock of all pages. See [`StorePage`] for what happens when I/Os use the same page at
//! the same time.

use super::{
    page::{
        StorePage,
        Stored, //
    },
    radix::{
        Leaf,
        RadixTree, //
    },
    Data,
    PageRange, //
};
use kernel::{
    block::{
        Segment,
        SECTOR_SHIFT, //
    },
    page::PAGE_SHIFT,
    prelude::*,
    sync::rcu, //
};

/// The pages of a device.
pub(crate) struct Tree {
    pages: RadixTree,
}

impl Tree {
    /// Returns a tree without pages.
    pub(crate) const fn new() -> Self {
        Self {
            pages: RadixTree::new(),
        }
    }

    /// Returns the page with the number `page`, if it has a leaf in the tree.
    #[inline(always)]
    pub(super) fn page(&self, page: u64) -> Option<&StorePage> {
        Some(self.pages.leaf(page)?.page(page))
    }

    /// Returns the page with the number `page`. May sleep, but starts no I/O.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(super) fn make(&self, page: u64) -> Result<&StorePage> {
        self.pages.make(page)
    }

    /// Copies the data of the device to the memory of a request, and fills the memory with 0xff
    /// where data cannot be read. Does not sleep.
    ///
    /// # Errors
    ///
    /// `EIO` if the request has less memory than bytes.
    #[inline(always)]
    pub(crate) fn read<const LIMITED: bool>(&self, mut data: Data<'_, LIMITED>) -> Result {
        let mut leaves = Leaves::new(&self.pages);
        while let Some(range) = data.range() {
            match leaves.page(range.page) {
                Some(page) if page.try_read(&mut data, range)? => (),
                _ => return self.read_rest(data),
            }
        }
        Ok(())
    }

    /// As [`read`](Self::read), where pages may be missing, or only parts stored or readable.
    #[cold]
    #[inline(never)]
    fn read_rest<const LIMITED: bool>(&self, mut data: Data<'_, LIMITED>) -> Result {
        while let Some(range) = data.range() {
            let rcu = rcu::read_lock();
            let stored = self.page(range.page).and_then(|page| page.stored(&rcu));
            data.for_each_readable(range, |segment, part| {
                read_part(stored.as_ref(), segment, part)
            })?;
        }
        Ok(())
    }

    /// Copies the memory of a request to the device.
    ///
    /// May sleep to allocate pages.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory; `EIO` as for [`read`](Self::read). A part of the
    /// data may have been written.
    #[inline(always)]
    pub(crate) fn write(&self, mut data: Data<'_, false>) -> Result {
        let mut leaves = Leaves::new(&self.pages);
        while let Some(range) = data.range() {
            match leaves.page(range.page) {
                Some(page) if page.try_overwrite(&mut data, range)? => (),
                _ => return self.write_rest(data),
            }
        }
        Ok(())
    }

    /// As [`write`](Self::write), where pages may be missing, or only parts stored.
    #[cold]
    #[inline(never)]
    fn write_rest(&self, mut data: Data<'_, false>) -> Result {
        while let Some(range) = data.range() {
            self.make(range.page)?.write(&mut data, range)?;
        }
        Ok(())
    }

    /// Writes zeroes to `sectors` sectors from `first` on. May sleep to allocate pages.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. A part of the sectors may have been written.
    pub(crate) fn write_zeroes(&self, first: u64, sectors: u64) -> Result {
        self.for_each_page(first, sectors, StorePage::write_zeroes)
    }

    /// Allocates the memory for `sectors` sectors from `first` on, so that a write of them does not
    /// fail, unless they are discarded. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(crate) fn reserve(&self, first: u64, sectors: u64) -> Result {
        self.for_each_page(first, sectors, |page, _| page.reserve())
    }

    /// Calls `call` for each page of `sectors` sectors from `first` on. Makes missing pages.
    pub(super) fn for_each_page(
        &self,
        first: u64,
        sectors: u64,
        mut call: impl FnMut(&StorePage, PageRange) -> Result,
    ) -> Result {
        let (mut position, end) = (first << SECTOR_SHIFT, (first + sectors) << SECTOR_SHIFT);
        while position < end {
            let range = PageRange::new(position, end - position);
            call(self.make(range.page)?, range)?;
            position += range.len as u64;
        }
        Ok(())
    }

    /// Discards `sectors` sectors from `first` on. Does not sleep. Call it in process context, as
    /// the locks of the pages do not disable interrupts.
    pub(crate) fn discard(&self, first: u64, sectors: u64) {
        let (mut position, end) = (first << SECTOR_SHIFT, (first + sectors) << SECTOR_SHIFT);
        while position < end {
            let range = PageRange::new(position, end - position);
            position = match self.page(range.page) {
                Some(page) => {
                    page.discard(range.sectors());
                    position + range.len as u64
                }
                // At least `position`: if the leaf was added meanwhile, `next` is this page.
                None => self
                    .pages
                    .next(range.page)
                    .saturating_mul(1 << PAGE_SHIFT)
                    .max(position),
            };
        }
    }
}

/// Looks up pages that follow each other, with one look-up for all pages of a leaf.
struct Leaves<'a> {
    pages: &'a RadixTree,
    leaf: Option<&'a Leaf>,
}

impl<'a> Leaves<'a> {
    #[inline(always)]
    fn new(pages: &'a RadixTree) -> Self {
        Self { pages, leaf: None }
    }

    /// Returns the page with the number `page`, if it has a leaf. `page` must be one higher than in
    /// the last call.
    #[inline(always)]
    fn page(&mut self, page: u64) -> Option<&'a StorePage> {
        let leaf = match self.leaf {
            Some(leaf) if !Leaf::starts_at(page) => leaf,
            _ => self.pages.leaf(page)?,
        };
        self.leaf = Some(leaf);
        Some(leaf.page(page))
    }
}

/// Copies from a page to a segment, or fills the segment with zeroes if there is no page.
pub(super) fn read_part(
    stored: Option<&Stored<'_>>,
    segment: Segment<'_>,
    part: PageRange,
) -> Result {
    match stored {
        Some(stored) => stored.read(segment, part),
        None => segment.fill(part.at, part.len, 0),
    }
}
