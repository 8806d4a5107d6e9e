// SPDX-License-Identifier: GPL-2.0

//! Pages in which a driver stores data.
//!
//! C header: [`include/linux/highmem.h`](srctree/include/linux/highmem.h)

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    bindings,
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// A page in which a driver stores data of a device.
///
/// [Segments](super::Segment) are copied to it and from it. There is never a slice of it, so
/// several CPUs may access it without a lock. If they write the same bytes at the same time, the
/// result is a mixture.
#[repr(transparent)]
pub struct DataPage(Page);

impl DataPage {
    /// Allocates a page of zeroes. `flags` decide whether this may sleep.
    ///
    /// # Errors
    ///
    /// [`AllocError`], which is `ENOMEM`, if there is no memory.
    #[inline]
    pub fn new(flags: Flags) -> Result<Self, AllocError> {
        // Zeroed, as a driver may copy bytes to user space that it never wrote.
        Ok(Self(Page::alloc_page(flags | __GFP_ZERO)?))
    }

    /// Copies `len` bytes from `other`, at `offset` in both pages.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if some of the bytes are outside the page.
    #[inline]
    pub fn copy_from(&self, other: &DataPage, offset: usize, len: usize) -> Result {
        check(offset, len)?;
        if self.as_raw() == other.as_raw() {
            return Ok(());
        }
        // SAFETY: Both pages are valid and distinct, and the bytes lie inside a page. Other CPUs
        // may use the bytes meanwhile: C's copy is defined for that, unlike one of Rust's.
        unsafe { bindings::memcpy_page(self.as_raw(), offset, other.as_raw(), offset, len) };
        Ok(())
    }

    /// Sets `len` bytes from `offset` on to `byte`.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if some of the bytes are outside the page.
    #[inline]
    pub fn fill(&self, offset: usize, len: usize, byte: u8) -> Result {
        check(offset, len)?;
        // SAFETY: The page is valid, and the bytes lie inside. As in `copy_from`, other CPUs may
        // use them.
        unsafe { bindings::memset_page(self.as_raw(), offset, byte.into(), len) };
        Ok(())
    }

    /// Returns the data page that `page` is inside of.
    ///
    /// # Safety
    ///
    /// `page` must be the page of a [`DataPage`].
    #[inline]
    pub(super) unsafe fn from_ref(page: &Page) -> &Self {
        // SAFETY: The types have the same layout. By the requirements of this function the page is
        // initialized, and there is no slice of it.
        unsafe { &*core::ptr::from_ref(page).cast() }
    }

    /// Returns the C page.
    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    /// Returns the byte at `offset`, which no other thread writes.
    #[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
    pub(super) fn byte(&self, offset: usize) -> Result<u8> {
        let mut byte = 0;
        // SAFETY: The page is initialized. In the tests nothing else uses it.
        unsafe { self.0.read_raw(&mut byte, offset, 1) }?;
        Ok(byte)
    }
}

/// Checks that `len` bytes from `offset` on lie inside a page.
///
/// # Errors
///
/// `EINVAL` if they do not.
#[inline]
pub(super) fn check(offset: usize, len: usize) -> Result {
    if offset <= PAGE_SIZE && len <= PAGE_SIZE - offset {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
#[macros::kunit_tests(rust_block_data_page)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_exact() -> Result {
        let from = DataPage::new(GFP_KERNEL)?;
        from.fill(0, PAGE_SIZE, 7)?;
        let to = DataPage::new(GFP_KERNEL)?;

        to.copy_from(&from, 512, 1024)?;
        let bytes = [511, 512, 1535, 1536].map(|offset| to.byte(offset));
        assert_eq!(bytes, [Ok(0), Ok(7), Ok(7), Ok(0)]);

        to.fill(600, 1, 9)?;
        let bytes = [599, 600, 601].map(|offset| to.byte(offset));
        assert_eq!(bytes, [Ok(7), Ok(9), Ok(7)]);
        Ok(())
    }

    /// A new page must not show what its memory held before.
    #[test]
    fn new_page_is_zero() -> Result {
        let mut pages = KVec::new();
        for _ in 0..64 {
            let page = DataPage::new(GFP_KERNEL)?;
            page.fill(0, PAGE_SIZE, 0xa5)?;
            pages.push(page, GFP_KERNEL)?;
        }
        drop(pages);
        for _ in 0..64 {
            let page = DataPage::new(GFP_KERNEL)?;
            let bytes = [0, 1, 511, PAGE_SIZE - 1].map(|offset| page.byte(offset));
            assert_eq!(bytes, [Ok(0); 4]);
        }
        Ok(())
    }

    #[test]
    fn nothing_outside_is_touched() -> Result {
        let page = DataPage::new(GFP_KERNEL)?;
        let other = DataPage::new(GFP_KERNEL)?;
        for (offset, len) in [(0, PAGE_SIZE + 1), (PAGE_SIZE, 1), (1, usize::MAX)] {
            assert_eq!(page.copy_from(&other, offset, len), Err(EINVAL));
            assert_eq!(page.fill(offset, len, 1), Err(EINVAL));
        }
        assert_eq!(page.copy_from(&other, PAGE_SIZE, 0), Ok(()));
        assert_eq!(page.copy_from(&page, 0, PAGE_SIZE), Ok(()));
        Ok(())
    }
}
