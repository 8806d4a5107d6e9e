// SPDX-License-Identifier: GPL-2.0

//! Lists of bad sectors.
//!
//! C header: [`include/linux/badblocks.h`](srctree/include/linux/badblocks.h)

use crate::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    types::Opaque, //
};
use core::ops::Range;
use pin_init::PinInit;

/// The first sector that a list cannot contain: an entry has 54 bits for its first sector.
const END: u64 = 1 << 54;

/// A list of ranges of bad sectors.
///
/// It is created disabled and empty, and has room for 512 ranges of up to 512 sectors each; a
/// longer range takes several. Several threads may call the methods at once, in any context, also
/// with interrupts disabled. A check takes no lock, and is repeated if the list changes meanwhile;
/// a change takes a lock with interrupts disabled. On a disabled list a check costs one load.
/// Anything else takes time in proportion to the number of ranges.
///
/// This wraps [`struct badblocks`](srctree/include/linux/badblocks.h).
///
/// # Invariants
///
/// `inner` was set up by `badblocks_init()`.
#[pin_data(PinnedDrop)]
pub struct BadBlocks {
    #[pin]
    inner: Opaque<bindings::badblocks>,
}

// SAFETY: A list is not bound to a thread.
unsafe impl Send for BadBlocks {}

// SAFETY: The C functions that the methods call protect changes by a lock.
unsafe impl Sync for BadBlocks {}

impl BadBlocks {
    /// Returns an initializer for a list that is disabled and empty. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there is not enough memory.
    pub fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: The call below sets it up.
            inner <- Opaque::try_ffi_init(|bb: *mut bindings::badblocks| {
                // SAFETY: `bb` is valid for writes.
                unsafe { bb.write(pin_init::zeroed()) };
                // SAFETY: `bb` is valid, and is not moved. On an error nothing is allocated.
                to_result(unsafe { bindings::badblocks_init(bb, 0) })
            }),
        })
    }

    /// Enables the list. It cannot be disabled again.
    pub fn enable(&self) {
        let _ = self.shift().cmpxchg(-1, 0, Full);
    }

    /// Returns true if the list is enabled. This costs one load.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.shift().load(Relaxed) >= 0
    }

    /// Adds `count` sectors, starting at `first`. Sectors that are in the list already stay in it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the list is disabled, if `count` is zero, or if the range includes sectors
    /// from 2^54 on. `EINVAL`, too, if the list is full; some of the sectors may have been added
    /// then.
    pub fn set(&self, first: u64, count: u64) -> Result {
        if first.checked_add(count).is_none_or(|end| end > END) {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariant the list is set up.
        let done = unsafe { bindings::badblocks_set(self.inner.get(), first, count, 1) };
        if done {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Removes `count` sectors, starting at `first`. They need not be in the list.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the list is disabled or `count` is zero, or if a range would have to be split
    /// and the list is full.
    pub fn clear(&self, first: u64, count: u64) -> Result {
        let count = count.min(END.saturating_sub(first));
        // SAFETY: By the type invariant the list is set up.
        let done = unsafe { bindings::badblocks_clear(self.inner.get(), first, count) };
        if done {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Checks `count` sectors, starting at `first`.
    ///
    /// Returns the first range in the list that contains one of them. It may begin before them and
    /// end after them. A disabled list contains none.
    pub fn check(&self, first: u64, count: u64) -> Option<Range<u64>> {
        let count = count.min(END.saturating_sub(first));
        if count == 0 || !self.is_enabled() {
            return None;
        }
        let (mut bad, mut len) = (0, 0);
        // SAFETY: By the type invariant the list is set up. `bad` and `len` are valid for writes. C
        // reads the list without its lock, as for all callers. While another thread changes the
        // list, C looks only at entries below `count`, which is never more than the page has, and
        // discards the result if the sequence count has changed.
        let found = unsafe {
            bindings::badblocks_check(self.inner.get(), first, count, &mut bad, &mut len)
        };
        (found != 0).then(|| bad..bad + len)
    }

    /// Writes the list to `page`, with a line for each range: its first sector and the number of
    /// sectors.
    ///
    /// Returns the number of bytes written, zero if the list is disabled. A list that does not fit
    /// is truncated.
    ///
    /// # Errors
    ///
    /// Those of `badblocks_show()`.
    pub fn show(&self, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        // SAFETY: By the type invariant the list is set up. The function writes no more than a
        // page.
        let len = unsafe { bindings::badblocks_show(self.inner.get(), page.as_mut_ptr(), 0) };
        match usize::try_from(len) {
            // C counts the bytes that did not fit, too, and puts a null byte at the end.
            Ok(len) => Ok(len.min(PAGE_SIZE - 1)),
            Err(_) => Err(Error::from_errno(len as i32)),
        }
    }

    /// Returns the field that is -1 while the list is disabled.
    #[inline]
    fn shift(&self) -> &Atomic<i32> {
        // SAFETY: By the type invariant the list is set up. The word is aligned, lives as long as
        // `self`, and is changed only by `enable`.
        unsafe { Atomic::from_ptr(&raw mut (*self.inner.get()).shift) }
    }
}

#[pinned_drop]
impl PinnedDrop for BadBlocks {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the list is set up, and nothing uses it any more.
        unsafe { bindings::badblocks_exit(self.inner.get()) };
    }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
#[macros::kunit_tests(rust_block_badblocks)]
mod tests {
    use super::*;
    use crate::sync::Arc;

    fn list() -> Result<Arc<BadBlocks>> {
        let list = Arc::pin_init(BadBlocks::new(), GFP_KERNEL)?;
        list.enable();
        Ok(list)
    }

    fn shown(list: &BadBlocks) -> Result<KVec<u8>> {
        let mut page = KBox::new([0xff; PAGE_SIZE], GFP_KERNEL)?;
        let len = list.show(&mut page)?;
        let mut text = KVec::new();
        text.extend_from_slice(&page[..len], GFP_KERNEL)?;
        Ok(text)
    }

    #[test]
    fn disabled_list_does_nothing() -> Result {
        let list = Arc::pin_init(BadBlocks::new(), GFP_KERNEL)?;
        assert!(!list.is_enabled());
        assert_eq!(list.set(0, 1), Err(EINVAL));
        assert_eq!(list.clear(0, 1), Err(EINVAL));
        assert_eq!(list.check(0, 1), None);
        assert_eq!(shown(&list)?.len(), 0);

        list.enable();
        list.enable();
        assert!(list.is_enabled());
        assert_eq!(list.set(0, 1), Ok(()));
        assert_eq!(list.check(0, 1), Some(0..1));
        Ok(())
    }

    #[test]
    fn ranges_end_where_they_should() -> Result {
        let list = list()?;
        list.set(100, 10)?;
        for (first, count, found) in [
            (0, 100, None),
            (0, 101, Some(100..110)),
            (105, 1, Some(100..110)),
            (109, 1, Some(100..110)),
            (110, 1, None),
            (105, 0, None),
            (u64::MAX, u64::MAX, None),
        ] {
            assert_eq!(list.check(first, count), found);
        }
        assert_eq!(&shown(&list)?[..], b"100 10\n");
        Ok(())
    }

    #[test]
    fn clearing_splits_and_merges_not() -> Result {
        let list = list()?;
        list.set(10, 10)?;
        list.clear(14, 2)?;
        assert_eq!(&shown(&list)?[..], b"10 4\n16 4\n");
        assert_eq!(list.check(14, 2), None);
        // Sectors that are not in the list can be cleared.
        assert_eq!(list.clear(1000, 1), Ok(()));
        list.set(14, 2)?;
        assert_eq!(list.check(0, 100), Some(10..20));
        list.clear(0, 100)?;
        assert_eq!(shown(&list)?.len(), 0);
        Ok(())
    }

    #[test]
    fn sizes_at_the_edges() -> Result {
        let list = list()?;
        assert_eq!(list.set(0, 0), Err(EINVAL));
        assert_eq!(list.clear(0, 0), Err(EINVAL));
        assert_eq!(list.set(END, 1), Err(EINVAL));
        assert_eq!(list.set(END - 1, 2), Err(EINVAL));
        assert_eq!(list.set(u64::MAX, 2), Err(EINVAL));
        assert_eq!(list.set(END - 1, 1), Ok(()));
        assert_eq!(list.check(END - 1, 1), Some(END - 1..END));
        // More sectors than the list has room for.
        assert_eq!(list.set(0, 1 << 32), Err(EINVAL));
        Ok(())
    }

    /// More sectors than an `int` can count, in an empty list and in one that is not.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    #[test]
    fn sizes_above_an_int() -> Result {
        let list = list()?;
        list.set(100, 10)?;
        assert_eq!(list.check(0, u64::MAX), Some(100..110));
        list.clear(100, 10)?;
        list.set(END - 1, 1)?;
        assert_eq!(list.check(0, 1 << 32), None);
        assert_eq!(list.clear(0, u64::MAX), Ok(()));
        assert_eq!(list.clear(0, 1 << 32), Ok(()));
        assert_eq!(list.check(0, 1 << 33), None);
        assert_eq!(list.set(0, 1 << 32), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn full_list_is_refused_and_shown() -> Result {
        let list = list()?;
        let mut added = 0;
        // Far apart, and with long numbers, so that the text does not fit a page.
        while list.set((1 << 50) + 1024 * added, 1).is_ok() {
            added += 1;
            assert!(added <= 512);
        }
        assert_eq!(added, 512);
        assert_eq!(list.clear(1 << 50, 1), Ok(()));
        assert_eq!(list.set(0, 3), Ok(()));
        // Clearing this would split a range.
        assert_eq!(list.clear(1, 1), Err(EINVAL));
        assert_eq!(shown(&list)?.len(), PAGE_SIZE - 1);
        Ok(())
    }
}
