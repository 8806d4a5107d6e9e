// SPDX-License-Identifier: GPL-2.0

//! Pieces of memory that data is moved from or to.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use super::{
    data_page,
    DataPage,
    Op, //
};
use crate::{
    bindings,
    prelude::*, //
};
use core::marker::PhantomData;

/// A piece of a page that an I/O moves data from or to.
///
/// The memory may belong to a process that uses it while the I/O is in flight, or to several I/Os.
/// So it is copied from and to, by C's functions, for which such a race is defined, and never
/// referred to. Two copies from it may differ.
///
/// Nothing here sleeps, and all may be called in any context.
///
/// # Invariants
///
/// For `'a`, `offset..offset + len` lies inside the page that `page` points to, which is not freed.
/// The I/O's operation is `op`.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    page: *mut bindings::page,
    offset: usize,
    len: usize,
    op: Op,
    _p: PhantomData<&'a ()>,
}

impl Segment<'_> {
    /// Makes a segment out of what C has.
    ///
    /// # Safety
    ///
    /// `vec` must lie inside one page, which is not freed for the lifetime of the result, and
    /// belong to an I/O with the operation `op`.
    #[inline]
    pub(super) unsafe fn from_raw(vec: bindings::bio_vec, op: Op) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            page: vec.bv_page,
            offset: vec.bv_offset as usize,
            len: vec.bv_len as usize,
            op,
            _p: PhantomData,
        }
    }

    /// The length in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "segments are not empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies the data to `to`, from the byte `at` of the segment on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough.
    #[inline]
    pub fn copy_to(&self, at: usize, to: &mut [u8]) -> Result {
        self.check(at, to.len())?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        // SAFETY: The page is valid, and the bytes lie inside, as was checked. `to` is valid for
        // its length, and not part of a page that an I/O is for.
        unsafe {
            bindings::memcpy_from_page(
                to.as_mut_ptr().cast(),
                self.page,
                self.offset + at,
                to.len(),
            )
        };
        Ok(())
    }

    /// Copies `from` to the memory, from the byte `at` of the segment on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough, `EPERM` if the operation does not fill memory:
    /// the data of a write may be in memory that must not be changed.
    #[inline]
    pub fn copy_from(&self, at: usize, from: &[u8]) -> Result {
        self.check(at, from.len())?;
        self.check_fills()?;
        // SAFETY: As in `copy_to`, the other way round. The memory may be written to, because the
        // operation fills it. The function flushes the cache of the page.
        unsafe {
            bindings::memcpy_to_page(
                self.page,
                self.offset + at,
                from.as_ptr().cast(),
                from.len(),
            )
        };
        Ok(())
    }

    /// Copies `len` bytes, from the byte `at` of the segment on, to the byte `offset` of `page` and
    /// on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is not long enough.
    #[inline]
    pub fn copy_to_page(&self, at: usize, page: &DataPage, offset: usize, len: usize) -> Result {
        self.check(at, len)?;
        data_page::check(offset, len)?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        // SAFETY: Both pages are valid, and the bytes lie inside them, as was checked. They don't
        // overlap: the driver's page is its own, and no I/O is for it.
        unsafe { bindings::memcpy_page(page.as_raw(), offset, self.page, self.offset + at, len) };
        Ok(())
    }

    /// Copies `len` bytes, from the byte `offset` of `page` on, to the byte `at` of the segment and
    /// on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is not long enough, `EPERM` if the operation does not
    /// fill memory.
    #[inline]
    pub fn copy_from_page(&self, at: usize, page: &DataPage, offset: usize, len: usize) -> Result {
        self.check(at, len)?;
        data_page::check(offset, len)?;
        self.check_fills()?;
        // SAFETY: As in `copy_to_page`, the other way round. The memory may be written to, because
        // the operation fills it.
        unsafe { bindings::memcpy_page(self.page, self.offset + at, page.as_raw(), offset, len) };
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        Ok(())
    }

    /// Fills `len` bytes, from the byte `at` of the segment on, with `byte`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough, `EPERM` if the operation does not fill memory.
    #[inline]
    pub fn fill(&self, at: usize, len: usize, byte: u8) -> Result {
        self.check(at, len)?;
        self.check_fills()?;
        // SAFETY: The page is valid, and the bytes lie inside, as was checked. The memory may be
        // written to, because the operation fills it.
        unsafe { bindings::memset_page(self.page, self.offset + at, byte.into(), len) };
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        Ok(())
    }

    /// Fills the memory with zeroes.
    ///
    /// # Errors
    ///
    /// `EPERM` if the operation does not fill memory.
    #[inline]
    pub fn zero(&self) -> Result {
        self.fill(0, self.len, 0)
    }

    /// Whether `len` bytes from `at` on lie inside the segment, and so inside the page.
    #[inline]
    fn check(&self, at: usize, len: usize) -> Result {
        if at <= self.len && len <= self.len - at {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Whether the memory may be written to.
    #[inline]
    fn check_fills(&self) -> Result {
        if self.op.fills_memory() {
            Ok(())
        } else {
            Err(EPERM)
        }
    }
}
