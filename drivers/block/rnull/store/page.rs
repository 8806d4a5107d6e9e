// SPDX-License-Identifier: GPL-2.0

//! A page of data.

use super::{
    bitmap::{
        AtomicSectorBitmap,
        SectorBitmap, //
    },
    Data,
    PageRange,
    PAGE_SECTORS, //
};
use core::ops::Range;
use kernel::{
    alloc::flags::GFP_NOIO,
    block::{
        DataPage,
        PageSlot,
        Segment,
        SlotPage,
        SECTOR_SHIFT, //
    },
    new_spinlock,
    prelude::*,
    sync::{
        rcu,
        SpinLock, //
    },
};

/// A page of a device. It has memory while any of its sectors are stored. A page without stored
/// sectors may also have memory.
///
/// Sectors that are not stored read as zeroes. Their memory may have any content.
///
/// Any number of threads may read, write and discard at the same time. Reads, and writes to sectors
/// that are stored, take no lock: they look up the memory and the bitmap together, and use them
/// under RCU. If the sectors are discarded meanwhile, such a read or write counts as the earlier
/// one: the data that it writes is discarded, too.
///
/// All other writes copy their data under the lock, and then set the bits of its sectors. Without
/// memory no bit is set, and memory is inserted and removed only under the lock.
#[pin_data]
pub(super) struct StorePage {
    memory: PageSlot,
    /// The sectors that are stored. Changes only under `lock`.
    written: AtomicSectorBitmap,
    #[pin]
    lock: SpinLock<()>,
}

/// The memory of a page, and the sectors that were stored when it was looked up.
pub(super) struct Stored<'rcu> {
    memory: SlotPage<'rcu>,
    written: SectorBitmap,
}

impl StorePage {
    /// Returns an initializer for a page without memory.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            memory: PageSlot::new(),
            written: AtomicSectorBitmap::new(),
            lock <- new_spinlock!((), "rnull page"),
        })
    }

    /// Returns the memory, if there is any.
    #[inline(always)]
    pub(super) fn stored<'rcu>(&'rcu self, rcu: &'rcu rcu::Guard) -> Option<Stored<'rcu>> {
        loop {
            let memory = self.memory.get(rcu)?;
            let written = self.written.load();
            // If the page has had this memory since it was looked up, the bitmap is that of it.
            if self.memory.has(&memory) {
                return Some(Stored { memory, written });
            }
        }
    }

    /// Tries to copy the page to the memory for `range`, which is the next range of `data`. Returns
    /// false, and leaves `data` unchanged, if the page is not full, if not all of `range` can be
    /// read, or if the memory is not one segment. Does not sleep.
    #[inline(always)]
    pub(super) fn try_read<const LIMITED: bool>(
        &self,
        data: &mut Data<'_, LIMITED>,
        range: PageRange,
    ) -> Result<bool> {
        let rcu = rcu::read_lock();
        match self.stored(&rcu) {
            Some(stored) if stored.written.is_full() && data.is_readable(range) => {
                let Some(segment) = data.next_segment(range) else {
                    return Ok(false);
                };
                segment.copy_from_page(0, &stored.memory, range.offset, range.len)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Tries to copy the memory for `range`, which is the next range of `data`, to the page.
    /// Returns false, and leaves `data` unchanged, if a sector is not stored, or if the memory is
    /// not one segment. Does not sleep.
    #[inline(always)]
    pub(super) fn try_overwrite(
        &self,
        data: &mut Data<'_, false>,
        range: PageRange,
    ) -> Result<bool> {
        let rcu = rcu::read_lock();
        match self.stored(&rcu) {
            Some(stored) if stored.has_all(range.sectors()) => {
                let Some(segment) = data.next_segment(range) else {
                    return Ok(false);
                };
                segment.copy_to_page(0, &stored.memory, range.offset, range.len)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Copies the memory for `range`, which is the next range of `data`, to the page. May sleep to
    /// allocate memory, but starts no I/O.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(super) fn write(&self, data: &mut Data<'_, false>, range: PageRange) -> Result {
        let mut copy = |memory: &DataPage| {
            data.for_each(range, |segment, part| {
                segment.copy_to_page(part.at, memory, part.offset, part.len)
            })
        };
        let rcu = rcu::read_lock();
        match self.stored(&rcu) {
            Some(stored) if stored.has_all(range.sectors()) => copy(&stored.memory),
            _ => {
                drop(rcu);
                self.update(|memory, written| {
                    copy(memory)?;
                    written.insert(range.sectors());
                    Ok(())
                })
            }
        }
    }

    /// Writes zeroes to a range, which consists of whole sectors. May sleep to allocate memory, but
    /// starts no I/O.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(super) fn write_zeroes(&self, range: PageRange) -> Result {
        self.update(|memory, written| {
            memory.fill(range.offset, range.len, 0)?;
            written.insert(range.sectors());
            Ok(())
        })
    }

    /// Allocates memory, if there is none. May sleep, but starts no I/O.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(super) fn reserve(&self) -> Result {
        self.update(|_, _| Ok(()))
    }

    /// Copies all stored sectors of `other` to this page. May sleep to allocate memory, but starts
    /// no I/O.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory.
    pub(super) fn update_from(&self, other: &Self) -> Result {
        if other.written.load().is_empty() {
            return Ok(());
        }
        self.update(|memory, written| {
            let rcu = rcu::read_lock();
            let Some(other) = other.stored(&rcu) else {
                return Ok(());
            };
            for (run, there) in other.written.runs(0..PAGE_SECTORS) {
                if there {
                    memory.copy_from(
                        &other.memory,
                        run.start << SECTOR_SHIFT,
                        run.len() << SECTOR_SHIFT,
                    )?;
                    written.insert(run);
                }
            }
            Ok(())
        })
    }

    /// Calls `change` with the memory and the bitmap, under the lock. Allocates the memory if there
    /// is none. Does not change the bitmap if `change` fails.
    #[cold]
    #[inline(never)]
    fn update(&self, change: impl FnOnce(&DataPage, &mut SectorBitmap) -> Result) -> Result {
        // Declared before the guard, so that an unused page is freed after the lock is dropped.
        let mut new = None;
        loop {
            let guard = self.lock.lock();
            let rcu = rcu::read_lock();
            new = new.and_then(|page| self.memory.insert(page).err());
            if let Some(Stored {
                memory,
                mut written,
            }) = self.stored(&rcu)
            {
                change(&memory, &mut written)?;
                self.written.store(written);
                return Ok(());
            }
            drop(rcu);
            drop(guard);
            if new.is_none() {
                new = Some(DataPage::new(GFP_NOIO).map_err(|_| ENOSPC)?);
            }
        }
    }

    /// Discards sectors. Returns whether no sector is stored any more. Does not sleep.
    pub(super) fn discard(&self, sectors: Range<usize>) -> bool {
        let _guard = self.lock.lock();
        let mut written = self.written.load();
        written.remove(sectors);
        let empty = written.is_empty();
        if empty {
            // Before the bitmap, so that `stored` never returns half of a bitmap of several words.
            self.memory.remove();
        }
        self.written.store(written);
        empty
    }
}

impl Stored<'_> {
    /// Returns whether all of `sectors` are stored.
    #[inline(always)]
    fn has_all(&self, sectors: Range<usize>) -> bool {
        // Most pages are full, and this is a faster test.
        self.written.is_full() || self.written.has_all(sectors)
    }

    /// Copies a range to a segment. Sectors that are not stored become zeroes.
    pub(super) fn read(&self, segment: Segment<'_>, range: PageRange) -> Result {
        self.read_runs(segment, range, |part| segment.fill(part.at, part.len, 0))
    }

    /// Copies the stored sectors of a range to a segment, and calls `missing` for each run of
    /// other sectors.
    pub(super) fn read_runs(
        &self,
        segment: Segment<'_>,
        range: PageRange,
        mut missing: impl FnMut(PageRange) -> Result,
    ) -> Result {
        for (run, there) in self.written.runs(range.sectors()) {
            let part = range.part(run);
            if there {
                segment.copy_from_page(part.at, &self.memory, part.offset, part.len)?;
            } else {
                missing(part)?;
            }
        }
        Ok(())
    }
}

#[kernel::prelude::kunit_tests(rnull_store_page)]
mod tests {
    use super::*;

    fn page() -> Result<Pin<KBox<StorePage>>> {
        KBox::pin_init(StorePage::new(), GFP_KERNEL)
    }

    /// Fills sectors, as a write does.
    fn fill(page: &StorePage, sectors: Range<usize>, byte: u8) -> Result {
        page.update(|memory, written| {
            memory.fill(
                sectors.start << SECTOR_SHIFT,
                sectors.len() << SECTOR_SHIFT,
                byte,
            )?;
            written.insert(sectors);
            Ok(())
        })
    }

    /// Returns whether the page has memory, and these sectors are stored.
    fn has(page: &StorePage, sectors: Range<usize>) -> Option<bool> {
        let rcu = rcu::read_lock();
        Some(page.stored(&rcu)?.has_all(sectors))
    }

    #[test]
    fn memory_goes_with_the_last_sector() -> Result {
        let page = page()?;
        assert_eq!(has(&page, 0..1), None);
        fill(&page, 1..4, 1)?;
        assert_eq!(has(&page, 1..4), Some(true));
        assert_eq!(has(&page, 0..4), Some(false));
        assert!(!page.discard(2..8));
        assert_eq!(has(&page, 1..2), Some(true));
        assert_eq!(has(&page, 2..3), Some(false));
        assert!(page.discard(0..2));
        assert_eq!(has(&page, 0..1), None);
        assert!(page.discard(0..PAGE_SECTORS));
        fill(&page, 0..PAGE_SECTORS, 1)?;
        assert_eq!(has(&page, 0..PAGE_SECTORS), Some(true));
        Ok(())
    }

    #[test]
    fn zeroes_are_stored() -> Result {
        let page = page()?;
        page.write_zeroes(PageRange::new(512, 1024))?;
        assert_eq!(has(&page, 1..3), Some(true));
        assert_eq!(has(&page, 0..1), Some(false));
        assert_eq!(has(&page, 3..4), Some(false));
        Ok(())
    }

    #[test]
    fn reserved_memory_has_no_sectors() -> Result {
        let page = page()?;
        page.reserve()?;
        assert_eq!(has(&page, 0..1), Some(false));
        fill(&page, 2..3, 1)?;
        page.reserve()?;
        assert_eq!(has(&page, 2..3), Some(true));
        assert!(page.discard(0..PAGE_SECTORS));
        assert_eq!(has(&page, 2..3), None);
        Ok(())
    }

    #[test]
    fn failed_change_stores_nothing() -> Result {
        let page = page()?;
        let failed = page.update(|_, written| {
            written.insert(0..1);
            Err(EIO)
        });
        assert_eq!(failed, Err(EIO));
        assert_eq!(has(&page, 0..1), Some(false));
        Ok(())
    }

    #[test]
    fn only_stored_sectors_are_copied() -> Result {
        let (to, from, empty) = (page()?, page()?, page()?);
        fill(&to, 0..3, 1)?;
        fill(&from, 2..4, 2)?;
        to.update_from(&from)?;
        assert_eq!(has(&to, 0..4), Some(true));
        assert_eq!(has(&to, 4..5), Some(false));

        let other = page()?;
        empty.update_from(&other)?;
        assert_eq!(has(&empty, 0..1), None);
        Ok(())
    }
}
