// SPDX-License-Identifier: GPL-2.0

//! The pages of a device, by their place.
//!
//! A page is made when it is first written to, and goes when all of its sectors are discarded.

use super::{
    page::StorePage,
    pieces,
    Piece,
    PAGE_SECTORS, //
};
use kernel::{
    alloc::flags::GFP_NOIO,
    block::{
        Segment,
        SECTOR_SHIFT,
        SECTOR_SIZE, //
    },
    prelude::*,
    xarray::{
        AllocKind,
        Guard,
        XArray, //
    },
};

/// Pages that discarding looks for before it lets others have the lock.
const DISCARD_BATCH: usize = 256;

/// The pages of a device.
#[pin_data]
pub(crate) struct Tree {
    #[pin]
    pages: XArray<KBox<StorePage>>,
}

impl Tree {
    /// Returns an initializer for a tree without pages.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            pages <- XArray::new(AllocKind::Alloc),
        })
    }

    /// Locks the pages, to move data. Nothing in between sleeps, but for [`Access::write`].
    #[inline]
    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            tree: self,
            guard: Some(self.pages.lock()),
        }
    }

    /// Forgets `sectors` sectors, from `first` on.
    pub(crate) fn discard(&self, first: u64, sectors: u64) {
        let mut rest = pieces(first << SECTOR_SHIFT, (sectors << SECTOR_SHIFT) as usize).peekable();
        while rest.peek().is_some() {
            // Pages are freed outside of the lock.
            let mut gone = [const { None }; DISCARD_BATCH];
            let mut access = self.access();
            for (gone, piece) in gone.iter_mut().zip(rest.by_ref()) {
                *gone = access.forget(piece);
            }
            drop(access);
        }
    }
}

/// The pages of a device, locked.
pub(crate) struct Access<'a> {
    tree: &'a Tree,
    /// None only while a page is made.
    guard: Option<Guard<'a, KBox<StorePage>>>,
}

impl Access<'_> {
    /// Calls `act` with the page at `index`, if there is one.
    #[inline]
    fn with_page<R>(&mut self, index: usize, act: impl FnOnce(&mut StorePage) -> R) -> Option<R> {
        self.guard.as_mut()?.get_mut(index).map(act)
    }

    /// Copies the first `len` bytes of `segment` to the byte `position` of the device.
    ///
    /// May sleep, with the pages unlocked, if a page has to be made.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. A part may have been written.
    #[inline]
    pub(crate) fn write(&mut self, segment: &Segment<'_>, position: u64, len: usize) -> Result {
        for piece in pieces(position, len) {
            self.update(piece.index, |page| page.write(segment, piece))?;
        }
        Ok(())
    }

    /// Copies from the byte `position` of the device to the first `len` bytes of `segment`.
    #[inline]
    pub(crate) fn read(&mut self, segment: &Segment<'_>, position: u64, len: usize) -> Result {
        for piece in pieces(position, len) {
            self.read_piece(segment, piece)?;
        }
        Ok(())
    }

    /// Copies from a page to a segment.
    #[inline]
    pub(super) fn read_piece(&mut self, segment: &Segment<'_>, piece: Piece) -> Result {
        self.with_page(piece.index, |page| page.read(segment, piece))
            .unwrap_or_else(|| segment.fill(piece.at, piece.len, 0))
    }

    /// Calls `change` with the page at `index`, which is made if it is not there.
    #[inline]
    pub(super) fn update(
        &mut self,
        index: usize,
        change: impl Fn(&mut StorePage) -> Result,
    ) -> Result {
        loop {
            if let Some(result) = self.with_page(index, &change) {
                return result;
            }
            self.make(index).map_err(|_| ENOSPC)?;
        }
    }

    /// Makes the page at `index`, unless somebody else does at the same time.
    #[cold]
    fn make(&mut self, index: usize) -> Result {
        self.guard = None;
        let page = StorePage::new()?;
        let mut guard = self.tree.pages.lock();
        // This may unlock the pages to allocate memory, and lock them again before the page is
        // stored.
        let before = guard
            .store(index, page, GFP_NOIO)
            .map_err(|failed| failed.error);
        let result = match before {
            Ok(None) => Ok(()),
            // Somebody was faster. There is a place for it now, so that this neither fails nor
            // unlocks the pages, and nobody has seen the other page.
            Ok(Some(page)) => guard
                .store(index, page, GFP_NOIO)
                .map(drop)
                .map_err(|failed| failed.error),
            Err(error) => Err(error),
        };
        self.guard = Some(guard);
        result
    }

    /// Forgets the sectors of a piece that lie in it as a whole. Returns the page if it has to go.
    fn forget(&mut self, piece: Piece) -> Option<KBox<StorePage>> {
        let first = piece.offset.div_ceil(SECTOR_SIZE as usize);
        let end = (piece.offset + piece.len) >> SECTOR_SHIFT;
        debug_assert!(end <= PAGE_SECTORS);
        if self.with_page(piece.index, |page| page.forget(first..end))? {
            return self.guard.as_mut()?.remove(piece.index);
        }
        None
    }
}
