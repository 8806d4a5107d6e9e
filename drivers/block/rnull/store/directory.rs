// SPDX-License-Identifier: GPL-2.0

//! A radix tree of the pages of a device.
//!
//! The tree has four levels, whatever the size of the device, so a look-up takes four loads and no
//! loop. An xarray has as many levels as it needs, and its look-up takes more instructions.
//!
//! A node is allocated with the first page below it. A leaf is freed with its last page. The other
//! nodes, of 4 KiB, are freed with the device. There is one for each 64 MiB that had a page, and
//! one for each 32 GiB.

use super::page::StorePage;
use kernel::{
    alloc::flags,
    prelude::*, //
};

/// Pages of a leaf. A leaf has 16 bytes for each of them, and takes 512 bytes.
const LEAF_PAGES: usize = 32;
/// Entries of a branch.
const ENTRIES: usize = 512;

/// A node with entries for pages.
type Leaf = [Option<StorePage>; LEAF_PAGES];
/// A node with entries for nodes of type `T`.
type Branch<T> = [Option<KBox<T>>; ENTRIES];

type Lower = Branch<Leaf>;
type Upper = Branch<Lower>;
type Root = KVVec<Option<KBox<Upper>>>;

/// The pages of a device, by their numbers.
pub(super) struct Directory {
    /// Long enough for the page with the highest number so far.
    root: Root,
}

/// The index of the entry for a page on each level.
struct Way {
    root: usize,
    upper: usize,
    lower: usize,
    leaf: usize,
}

impl Way {
    #[inline(always)]
    fn to(page: usize) -> Self {
        Self {
            root: page / (LEAF_PAGES * ENTRIES * ENTRIES),
            upper: page / (LEAF_PAGES * ENTRIES) % ENTRIES,
            lower: page / LEAF_PAGES % ENTRIES,
            leaf: page % LEAF_PAGES,
        }
    }
}

/// A node or a page. It is allocated without the lock of the pages, because that may sleep.
pub(super) enum Part {
    Root(Root),
    Upper(KBox<Upper>),
    Lower(KBox<Lower>),
    Leaf(KBox<Leaf>),
    Page(StorePage),
}

/// The kind of the first part that is missing between the root and a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// A root with this number of entries.
    Root(usize),
    Upper,
    Lower,
    Leaf,
    Page,
}

impl Missing {
    /// Allocates the part. May sleep, but starts no I/O.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there is not enough memory.
    pub(super) fn make(self) -> Result<Part> {
        Ok(match self {
            Self::Root(entries) => {
                // A device may be so large that there is no memory for its root.
                let gfp = flags::GFP_NOIO | flags::__GFP_NOWARN;
                let mut root = KVVec::with_capacity(entries, gfp)?;
                while root.len() < entries {
                    root.push(None, gfp)?;
                }
                Part::Root(root)
            }
            // These are too large for the stack.
            Self::Upper => Part::Upper(KBox::init(pin_init::init_zeroed(), flags::GFP_NOIO)?),
            Self::Lower => Part::Lower(KBox::init(pin_init::init_zeroed(), flags::GFP_NOIO)?),
            Self::Leaf => Part::Leaf(KBox::new([const { None }; LEAF_PAGES], flags::GFP_NOIO)?),
            Self::Page => Part::Page(StorePage::new()?),
        })
    }
}

impl Directory {
    /// Returns a tree without pages.
    pub(super) const fn new() -> Self {
        Self { root: KVVec::new() }
    }

    /// Returns the page with the number `page`, if there is one.
    #[inline(always)]
    pub(super) fn page(&self, page: usize) -> Option<&StorePage> {
        let way = Way::to(page);
        let lower = self.root.get(way.root)?.as_ref()?[way.upper].as_ref()?;
        lower[way.lower].as_ref()?[way.leaf].as_ref()
    }

    /// Returns the page with the number `page`, if there is one, for modification.
    #[inline(always)]
    pub(super) fn page_mut(&mut self, page: usize) -> Option<&mut StorePage> {
        self.leaf_mut(page)?[Way::to(page).leaf].as_mut()
    }

    #[inline(always)]
    fn leaf_mut(&mut self, page: usize) -> Option<&mut Leaf> {
        let way = Way::to(page);
        let lower = self.root.get_mut(way.root)?.as_mut()?[way.upper].as_mut()?;
        lower[way.lower].as_deref_mut()
    }

    /// Returns the part that must be added next, if there is no page with the number `page`.
    pub(super) fn missing(&self, page: usize) -> Option<Missing> {
        let way = Way::to(page);
        let Some(upper) = self.root.get(way.root) else {
            return Some(Missing::Root(way.root + 1));
        };
        let Some(upper) = upper else {
            return Some(Missing::Upper);
        };
        let Some(lower) = &upper[way.upper] else {
            return Some(Missing::Lower);
        };
        let Some(leaf) = &lower[way.lower] else {
            return Some(Missing::Leaf);
        };
        leaf[way.leaf].is_none().then_some(Missing::Page)
    }

    /// Adds a part between the root and a page, unless another task has added it. Returns the part
    /// for the caller to drop without the lock.
    pub(super) fn add(&mut self, page: usize, part: Part) -> Option<Part> {
        let way = Way::to(page);
        let part = match part {
            Part::Root(mut root) => {
                if root.len() > self.root.len() {
                    for (new, old) in root.iter_mut().zip(self.root.iter_mut()) {
                        core::mem::swap(new, old);
                    }
                    core::mem::swap(&mut root, &mut self.root);
                }
                return Some(Part::Root(root));
            }
            part => part,
        };
        let Some(upper) = self.root.get_mut(way.root) else {
            return Some(part);
        };
        match (part, upper) {
            (Part::Upper(new), upper) => put(upper, new).map(Part::Upper),
            (Part::Lower(new), Some(upper)) => put(&mut upper[way.upper], new).map(Part::Lower),
            (Part::Leaf(new), Some(upper)) => match &mut upper[way.upper] {
                Some(lower) => put(&mut lower[way.lower], new).map(Part::Leaf),
                None => Some(Part::Leaf(new)),
            },
            (Part::Page(new), _) => match self.leaf_mut(page) {
                Some(leaf) => put(&mut leaf[way.leaf], new).map(Part::Page),
                None => Some(Part::Page(new)),
            },
            (part, _) => Some(part),
        }
    }

    /// Removes a page if `is_empty` returns true, and its leaf if that was the last page in it.
    /// Returns both for the caller to drop without the lock.
    pub(super) fn take_if(
        &mut self,
        page: usize,
        is_empty: impl FnOnce(&mut StorePage) -> bool,
    ) -> (Option<StorePage>, Option<KBox<Leaf>>) {
        let way = Way::to(page);
        let Some(Some(upper)) = self.root.get_mut(way.root) else {
            return (None, None);
        };
        let Some(lower) = &mut upper[way.upper] else {
            return (None, None);
        };
        let entry = &mut lower[way.lower];
        let Some(leaf) = entry else {
            return (None, None);
        };
        let gone = leaf[way.leaf].take_if(is_empty);
        if gone.is_some() && leaf.iter().all(Option::is_none) {
            return (gone, entry.take());
        }
        (gone, None)
    }
}

/// Stores `new` in an entry, or returns it if the entry is occupied.
fn put<T>(entry: &mut Option<T>, new: T) -> Option<T> {
    if entry.is_some() {
        return Some(new);
    }
    *entry = Some(new);
    None
}

#[kernel::prelude::kunit_tests(rnull_store_directory)]
mod tests {
    use super::*;

    fn add(directory: &mut Directory, page: usize) -> Result<u32> {
        let mut parts = 0;
        while let Some(missing) = directory.missing(page) {
            assert!(directory.page(page).is_none());
            directory.add(page, missing.make()?);
            parts += 1;
        }
        assert!(directory.page(page).is_some());
        assert!(directory.page_mut(page).is_some());
        Ok(parts)
    }

    #[test]
    fn parts_are_made_once() -> Result {
        let mut directory = Directory::new();
        assert_eq!(directory.missing(0), Some(Missing::Root(1)));
        assert_eq!(add(&mut directory, 0), Ok(5));
        assert_eq!(add(&mut directory, 0), Ok(0));
        // A page in the same leaf, the same lower branch, the same upper branch, and in others.
        assert_eq!(add(&mut directory, LEAF_PAGES - 1), Ok(1));
        assert_eq!(add(&mut directory, LEAF_PAGES), Ok(2));
        assert_eq!(add(&mut directory, LEAF_PAGES * ENTRIES), Ok(3));
        let root = LEAF_PAGES * ENTRIES * ENTRIES;
        assert_eq!(directory.missing(3 * root), Some(Missing::Root(4)));
        assert_eq!(add(&mut directory, 3 * root), Ok(5));
        assert_eq!(add(&mut directory, 2 * root), Ok(4));
        // The tree has the added pages, and no others.
        for page in [
            0,
            LEAF_PAGES - 1,
            LEAF_PAGES,
            LEAF_PAGES * ENTRIES,
            2 * root,
        ] {
            assert!(directory.page(page).is_some());
            assert!(directory.page(page + 1).is_none() || page + 1 == LEAF_PAGES);
        }
        Ok(())
    }

    #[test]
    fn occupied_entries_return_the_part() -> Result {
        let mut directory = Directory::new();
        add(&mut directory, 7)?;
        for missing in [Missing::Upper, Missing::Lower, Missing::Leaf, Missing::Page] {
            assert!(directory.add(7, missing.make()?).is_some());
        }
        // A root that is too short is not added.
        add(&mut directory, LEAF_PAGES * ENTRIES * ENTRIES)?;
        directory.add(7, Missing::Root(1).make()?);
        assert!(directory.page(LEAF_PAGES * ENTRIES * ENTRIES).is_some());
        assert!(directory.page(7).is_some());
        // Without its parent, a part is not added.
        let mut directory = Directory::new();
        for missing in [Missing::Upper, Missing::Lower, Missing::Leaf, Missing::Page] {
            assert!(directory.add(7, missing.make()?).is_some());
            assert_eq!(directory.missing(7), Some(Missing::Root(1)));
        }
        Ok(())
    }

    #[test]
    fn leaves_go_with_their_last_page() -> Result {
        let mut directory = Directory::new();
        add(&mut directory, 7)?;
        add(&mut directory, 9)?;
        assert!(directory.take_if(8, |_| true).0.is_none());
        assert!(directory.take_if(7, |_| false).0.is_none());
        assert!(directory.page(7).is_some());

        let (page, leaf) = directory.take_if(7, |_| true);
        assert!(page.is_some() && leaf.is_none());
        assert_eq!(directory.missing(7), Some(Missing::Page));
        let (page, leaf) = directory.take_if(9, |_| true);
        assert!(page.is_some() && leaf.is_some());
        assert_eq!(directory.missing(9), Some(Missing::Leaf));
        assert!(directory.take_if(9, |_| true).0.is_none());
        Ok(())
    }
}
