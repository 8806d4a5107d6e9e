// SPDX-License-Identifier: GPL-2.0

//! The sectors of a page that are stored.

use super::PAGE_SECTORS;
use core::ops::Range;
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Release, //
};

const BITS: usize = u32::BITS as usize;
const WORDS: usize = PAGE_SECTORS.div_ceil(BITS);

/// A bitmap with a bit for each sector of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SectorBitmap([u32; WORDS]);

impl SectorBitmap {
    /// No sector is set.
    pub(super) const NONE: Self = Self([0; WORDS]);

    /// All sectors are set.
    const ALL: Self = {
        let mut all = Self([u32::MAX; WORDS]);
        if PAGE_SECTORS % BITS != 0 {
            all.0[WORDS - 1] = u32::MAX >> (BITS - PAGE_SECTORS % BITS);
        }
        all
    };

    /// Returns the bits of `range` in the word with the number `word`.
    #[inline]
    fn mask(range: &Range<usize>, word: usize) -> u32 {
        let start = range.start.clamp(word * BITS, (word + 1) * BITS) - word * BITS;
        let end = range.end.clamp(word * BITS, (word + 1) * BITS) - word * BITS;
        if start >= end {
            return 0;
        }
        (u32::MAX >> (BITS - (end - start))) << start
    }

    /// Sets the sectors in `range`.
    #[inline]
    pub(super) fn insert(&mut self, range: Range<usize>) {
        for (word, bits) in self.0.iter_mut().enumerate() {
            *bits |= Self::mask(&range, word);
        }
    }

    /// Clears the sectors in `range`.
    #[inline]
    pub(super) fn remove(&mut self, range: Range<usize>) {
        for (word, bits) in self.0.iter_mut().enumerate() {
            *bits &= !Self::mask(&range, word);
        }
    }

    /// Returns whether all sectors in `range` are set.
    #[inline]
    pub(super) fn has_all(&self, range: Range<usize>) -> bool {
        self.0.iter().enumerate().all(|(word, bits)| {
            let mask = Self::mask(&range, word);
            bits & mask == mask
        })
    }

    /// Returns whether all sectors are set.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        *self == Self::ALL
    }

    /// Returns whether no sector is set.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Splits `range` into runs of set and of clear sectors. Returns each run, and whether it is
    /// set.
    #[inline]
    pub(super) fn runs(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, bool)> + '_ {
        let Range { mut start, end } = range;
        core::iter::from_fn(move || {
            if start >= end {
                return None;
            }
            let first = start;
            let there = self.has_all(first..first + 1);
            while start < end && self.has_all(start..start + 1) == there {
                start += 1;
            }
            Some((first..start, there))
        })
    }
}

/// A bitmap that threads may load while another one stores it.
pub(super) struct AtomicSectorBitmap([Atomic<u32>; WORDS]);

impl AtomicSectorBitmap {
    /// No sector is set.
    pub(super) const fn new() -> Self {
        Self([const { Atomic::new(0) }; WORDS])
    }

    /// Loads the bitmap. The caller sees all that the thread that stored it did before. If the
    /// bitmap has several words and is stored meanwhile, the result can have words of both.
    #[inline]
    pub(super) fn load(&self) -> SectorBitmap {
        SectorBitmap(core::array::from_fn(|word| self.0[word].load(Acquire)))
    }

    /// Stores the bitmap. No other thread may store it at the same time.
    pub(super) fn store(&self, bitmap: SectorBitmap) {
        for (word, bits) in self.0.iter().zip(bitmap.0) {
            word.store(bits, Release);
        }
    }
}

#[kernel::prelude::kunit_tests(rnull_sector_bitmap)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_added_and_taken_out() {
        let mut sectors = SectorBitmap::NONE;
        assert!(sectors.is_empty());
        sectors.insert(2..5);
        assert!(sectors.has_all(2..5));
        assert!(!sectors.has_all(1..5));
        assert!(!sectors.has_all(2..6));
        assert!(sectors.has_all(3..3));
        sectors.remove(3..4);
        assert!(!sectors.has_all(3..4));
        assert!(sectors.has_all(2..3) && sectors.has_all(4..5));
        sectors.remove(0..PAGE_SECTORS);
        assert!(sectors.is_empty());
    }

    #[test]
    fn a_page_can_be_full() {
        let mut sectors = SectorBitmap::NONE;
        assert!(!sectors.is_full());
        sectors.insert(0..PAGE_SECTORS);
        assert!(sectors.has_all(0..PAGE_SECTORS));
        assert!(sectors.is_full());
        sectors.remove(PAGE_SECTORS - 1..PAGE_SECTORS);
        assert!(!sectors.is_full());
        assert!(!sectors.has_all(0..PAGE_SECTORS));
        assert!(sectors.has_all(0..PAGE_SECTORS - 1));
    }

    #[test]
    fn bitmaps_are_stored() {
        let stored = AtomicSectorBitmap::new();
        assert!(stored.load().is_empty());
        let mut sectors = SectorBitmap::NONE;
        sectors.insert(PAGE_SECTORS - 3..PAGE_SECTORS);
        stored.store(sectors.clone());
        assert_eq!(stored.load(), sectors);
    }

    #[test]
    fn runs_alternate() {
        let mut sectors = SectorBitmap::NONE;
        sectors.insert(1..3);
        sectors.insert(5..6);
        let mut runs = sectors.runs(0..8);
        for expected in [
            (0..1, false),
            (1..3, true),
            (3..5, false),
            (5..6, true),
            (6..8, false),
        ] {
            assert_eq!(runs.next(), Some(expected));
        }
        assert_eq!(runs.next(), None);
        assert_eq!(sectors.runs(2..2).next(), None);
        assert_eq!(sectors.runs(1..3).next(), Some((1..3, true)));
    }
}
