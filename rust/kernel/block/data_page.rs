// SPDX-License-Identifier: GPL-2.0

//! Pages that a driver keeps data in.
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

/// A page of a driver's own that holds data of a device.
///
/// It is filled from [segments](super::Segment) and copied to them, and is never referred to as a
/// slice, so that no lock is needed for it to be used by several CPUs. They may copy to the same
/// bytes at the same time, upon which any mixture of what they copy is there: C's `memcpy()` does
/// that, and the drivers that have a lock for the data don't get to see it.
///
/// # Examples
///
/// ```
/// use kernel::{
///     block::DataPage,
///     page::PAGE_SIZE, //
/// };
///
/// let old = DataPage::new(GFP_KERNEL | __GFP_ZERO)?;
/// let new = DataPage::new(GFP_KERNEL)?;
/// // The first sector becomes new, the rest stays as it was.
/// new.copy_from(&old, 512, PAGE_SIZE - 512)?;
/// new.fill(0, 512, 0xff)?;
/// assert!(new.copy_from(&old, 512, PAGE_SIZE).is_err());
/// # Ok::<(), Error>(())
/// ```
pub struct DataPage(Page);

impl DataPage {
    /// Allocates a page.
    ///
    /// With `__GFP_ZERO` it is filled with zeroes. Without, it holds whatever was in memory, which
    /// the driver must overwrite before it lets anybody read it. `flags` say whether this may
    /// sleep.
    ///
    /// # Errors
    ///
    /// [`AllocError`], which is `ENOMEM`, if there is no memory.
    #[inline]
    pub fn new(flags: Flags) -> Result<Self, AllocError> {
        Ok(Self(Page::alloc_page(flags)?))
    }

    /// Copies the `len` bytes from `offset` on from `other`, to the same place in this page.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the bytes are not all inside a page.
    #[inline]
    pub fn copy_from(&self, other: &DataPage, offset: usize, len: usize) -> Result {
        check(offset, len)?;
        if core::ptr::eq(self, other) {
            return Ok(());
        }
        // SAFETY: Both pages are valid, are not the same, and the bytes lie inside a page.
        unsafe { bindings::memcpy_page(self.as_raw(), offset, other.as_raw(), offset, len) };
        Ok(())
    }

    /// Fills the `len` bytes from `offset` on with `byte`.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the bytes are not all inside the page.
    #[inline]
    pub fn fill(&self, offset: usize, len: usize, byte: u8) -> Result {
        check(offset, len)?;
        // SAFETY: The page is valid, and the bytes lie inside.
        unsafe { bindings::memset_page(self.as_raw(), offset, byte.into(), len) };
        Ok(())
    }

    /// The C page.
    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::page {
        self.0.as_ptr()
    }
}

/// Whether `len` bytes from `offset` on lie inside a page.
///
/// # Errors
///
/// `EINVAL` if they don't.
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

    fn byte(page: &DataPage, offset: usize) -> Result<u8> {
        let mut byte = 0;
        // SAFETY: The page is filled, and nobody else uses it.
        unsafe { page.0.read_raw(&mut byte, offset, 1) }?;
        Ok(byte)
    }

    #[test]
    fn copies_are_exact() -> Result {
        let from = DataPage::new(GFP_KERNEL)?;
        from.fill(0, PAGE_SIZE, 7)?;
        let to = DataPage::new(GFP_KERNEL | __GFP_ZERO)?;
        assert_eq!(byte(&to, PAGE_SIZE - 1), Ok(0));

        to.copy_from(&from, 512, 1024)?;
        let bytes = [511, 512, 1535, 1536].map(|offset| byte(&to, offset));
        assert_eq!(bytes, [Ok(0), Ok(7), Ok(7), Ok(0)]);

        to.fill(600, 1, 9)?;
        let bytes = [599, 600, 601].map(|offset| byte(&to, offset));
        assert_eq!(bytes, [Ok(7), Ok(9), Ok(7)]);
        Ok(())
    }

    #[test]
    fn nothing_outside_is_touched() -> Result {
        let page = DataPage::new(GFP_KERNEL | __GFP_ZERO)?;
        let other = DataPage::new(GFP_KERNEL | __GFP_ZERO)?;
        for (offset, len) in [(0, PAGE_SIZE + 1), (PAGE_SIZE, 1), (1, usize::MAX)] {
            assert_eq!(page.copy_from(&other, offset, len), Err(EINVAL));
            assert_eq!(page.fill(offset, len, 1), Err(EINVAL));
        }
        assert_eq!(page.copy_from(&other, PAGE_SIZE, 0), Ok(()));
        assert_eq!(page.copy_from(&page, 0, PAGE_SIZE), Ok(()));
        Ok(())
    }
}
