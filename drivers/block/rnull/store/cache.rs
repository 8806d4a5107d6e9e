// SPDX-License-Identifier: GPL-2.0

//! A volatile write cache in front of the [`Tree`].
//!
//! Lock order: `Cache::state`, then the lock of a page.

use super::{
    page::StorePage,
    tree::read_part,
    Data,
    PageRange,
    Tree, //
};
use kernel::{
    alloc::flags::GFP_NOIO,
    block::SECTOR_SHIFT,
    new_mutex,
    page::PAGE_SHIFT,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        rcu,
        Mutex,
        MutexGuard, //
    },
};

/// A write cache. Dropping it loses its data.
#[pin_data]
pub(crate) struct Cache {
    /// The number of pages that it may hold.
    limit: usize,
    #[pin]
    state: Mutex<State>,
}

/// The pages in the cache.
struct State {
    pages: RBTree<u64, Pin<KBox<StorePage>>>,
    /// The number of pages in the cache.
    count: usize,
    /// The number of the first page to consider for eviction.
    cursor: u64,
}

impl Cache {
    /// Returns an initializer for an empty cache of `mebibytes` MiB.
    pub(crate) fn new(mebibytes: u64) -> impl PinInit<Self> {
        let limit = (mebibytes << crate::settings::MIB_SHIFT) >> PAGE_SHIFT;
        pin_init!(Self {
            limit: limit.try_into().unwrap_or(usize::MAX),
            state <- new_mutex!(State {
                pages: RBTree::new(),
                count: 0,
                cursor: 0,
            }),
        })
    }

    /// Locks the cache in front of `tree`, to transfer the data of a request. May sleep.
    pub(crate) fn access<'a>(&'a self, tree: &'a Tree) -> Access<'a> {
        Access {
            limit: self.limit,
            state: self.state.lock(),
            tree,
        }
    }

    /// Discards `sectors` sectors from `first` on, in the cache and in the tree. May sleep.
    pub(crate) fn discard(&self, tree: &Tree, first: u64, sectors: u64) {
        let mut state = self.state.lock();
        let (mut position, end) = (first << SECTOR_SHIFT, (first + sectors) << SECTOR_SHIFT);
        while position < end {
            let range = PageRange::new(position, end - position);
            state.discard(range);
            position += range.len as u64;
        }
        tree.discard(first, sectors);
    }

    /// Writes all pages back to the tree. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. Pages that were not written back stay in the cache.
    pub(crate) fn flush(&self, tree: &Tree) -> Result {
        let mut state = self.state.lock();
        while state.write_out_one(tree)? {}
        Ok(())
    }
}

/// A locked cache, and the tree behind it.
pub(crate) struct Access<'a> {
    limit: usize,
    state: MutexGuard<'a, State>,
    tree: &'a Tree,
}

impl Access<'_> {
    /// Copies the memory of a request to the cache, or with `through` to the tree. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. A part of the data may have been written.
    pub(crate) fn write(&mut self, mut data: Data<'_, false>, through: bool) -> Result {
        while let Some(range) = data.range() {
            if through {
                self.tree.make(range.page)?.write(&mut data, range)?;
                self.state.discard(range);
                continue;
            }
            if self.state.pages.get(&range.page).is_none() {
                self.state.make_room(self.tree, self.limit)?;
                self.state.add(range.page)?;
            }
            if let Some(page) = self.state.pages.get(&range.page) {
                page.write(&mut data, range)?;
            }
        }
        Ok(())
    }

    /// Writes zeroes to `sectors` sectors of the tree from `first` on. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not enough memory. A part of the sectors may have been written.
    pub(crate) fn write_zeroes(&mut self, first: u64, sectors: u64) -> Result {
        let Self { state, tree, .. } = self;
        tree.for_each_page(first, sectors, |page, range| {
            page.write_zeroes(range)?;
            state.discard(range);
            Ok(())
        })
    }

    /// Copies data from the cache, and otherwise from the tree, to the memory of a request, as
    /// [`Tree::read`] does. Does not sleep.
    pub(crate) fn read(&mut self, mut data: Data<'_, true>) -> Result {
        while let Some(range) = data.range() {
            let rcu = rcu::read_lock();
            let cached = self.state.pages.get(&range.page);
            let cached = cached.and_then(|page| page.stored(&rcu));
            let behind = self.tree.page(range.page);
            let behind = behind.and_then(|page| page.stored(&rcu));
            data.for_each_readable(range, |segment, part| {
                let behind = |part| read_part(behind.as_ref(), segment, part);
                match &cached {
                    Some(cached) => cached.read_runs(segment, part, behind),
                    None => behind(part),
                }
            })?;
        }
        Ok(())
    }
}

impl State {
    /// Adds an empty page. May sleep, but starts no I/O.
    fn add(&mut self, index: u64) -> Result {
        let page = KBox::pin_init(StorePage::new(), GFP_NOIO).map_err(|_| ENOSPC)?;
        let node = RBTreeNode::new(index, page, GFP_NOIO).map_err(|_| ENOSPC)?;
        self.pages.insert(node);
        self.count += 1;
        Ok(())
    }

    /// Evicts pages until there is room for one more.
    fn make_room(&mut self, tree: &Tree, limit: usize) -> Result {
        while self.count >= limit && self.write_out_one(tree)? {}
        Ok(())
    }

    /// Evicts the next page: writes it back to the tree, and removes it. Returns whether there was
    /// a page.
    fn write_out_one(&mut self, tree: &Tree) -> Result<bool> {
        let Some(index) = self.next_index() else {
            return Ok(false);
        };
        if let Some(page) = self.pages.get(&index) {
            tree.make(index)?.update_from(page)?;
        }
        self.take_out(index);
        self.cursor = index + 1;
        Ok(true)
    }

    /// Returns the number of the first page from the cursor on, or else of the first page.
    fn next_index(&self) -> Option<u64> {
        let from = |index| {
            self.pages
                .cursor_lower_bound(&index)
                .map(|cursor| *cursor.current().0)
        };
        from(self.cursor).or_else(|| from(0))
    }

    fn take_out(&mut self, index: u64) {
        if self.pages.remove(&index).is_some() {
            self.count -= 1;
        }
    }

    /// Discards the sectors that a range touches.
    fn discard(&mut self, range: PageRange) {
        let empty = self
            .pages
            .get(&range.page)
            .is_some_and(|page| page.discard(range.sectors()));
        if empty {
            self.take_out(range.page);
        }
    }
}

#[kernel::prelude::kunit_tests(rnull_store_cache)]
mod tests {
    use super::*;

    fn state_with(pages: &[u64], cursor: u64) -> Result<State> {
        let mut state = State {
            pages: RBTree::new(),
            count: 0,
            cursor,
        };
        for &index in pages {
            state.add(index)?;
        }
        Ok(state)
    }

    fn has(state: &State, pages: &[u64]) -> bool {
        state.count == pages.len() && state.pages.keys().eq(pages)
    }

    #[test]
    fn size_is_in_pages() -> Result {
        for (mebibytes, pages) in [(0, 0), (1, 1 << (20 - PAGE_SHIFT))] {
            let cache = KBox::pin_init(Cache::new(mebibytes), GFP_KERNEL)?;
            assert_eq!(cache.limit, pages);
        }
        Ok(())
    }

    #[test]
    fn pages_are_limited() -> Result {
        let tree = Tree::new();
        let mut state = state_with(&[], 0)?;
        for index in 0..10 {
            state.make_room(&tree, 3)?;
            state.add(index)?;
            assert_eq!(state.count, 3.min(index as usize + 1));
        }
        assert!(has(&state, &[7, 8, 9]));
        Ok(())
    }

    #[test]
    fn there_is_always_room_for_one() -> Result {
        let tree = Tree::new();
        let mut state = state_with(&[], 0)?;
        for index in 0..3 {
            state.make_room(&tree, 0)?;
            state.add(index)?;
            assert!(has(&state, &[index]));
        }
        Ok(())
    }

    #[test]
    fn pages_are_written_out_in_turn() -> Result {
        let tree = Tree::new();
        let mut state = state_with(&[2, 5, 9], 5)?;
        for left in [&[2, 9][..], &[2], &[]] {
            assert_eq!(state.write_out_one(&tree), Ok(true));
            assert!(has(&state, left));
        }
        assert_eq!(state.write_out_one(&tree), Ok(false));
        Ok(())
    }

    #[test]
    fn discarded_pages_do_not_count() -> Result {
        let mut state = state_with(&[2, 5, 9], 0)?;
        for (index, left) in [(5, &[2, 9][..]), (5, &[2, 9]), (2, &[9])] {
            state.discard(PageRange::new(index << PAGE_SHIFT, 1 << PAGE_SHIFT));
            assert!(has(&state, left));
        }
        Ok(())
    }
}
