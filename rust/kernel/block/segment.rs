// SPDX-License-Identifier: GPL-2.0

//! Memory segments of an I/O's data.
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

/// A part of a page that an I/O moves data from or to: `struct bio_vec`.
///
/// The memory may belong to a process that uses it while the I/O is in flight, or to several I/Os.
/// So these methods copy with C functions, for which such a race is defined, and never make a Rust
/// reference to it. Two copies from the same segment may differ.
///
/// No method sleeps. All may be called in any context.
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
    /// Makes a segment of a C `bio_vec`.
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

    /// Returns the length in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "segments are not empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies `to.len()` bytes to `to`, starting at byte `at` of the segment.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is too short.
    #[inline]
    pub fn copy_to(&self, at: usize, to: &mut [u8]) -> Result {
        self.check(at, to.len())?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        // SAFETY: The page is valid, and `check` has made sure that the bytes lie inside. `to` is
        // valid for its length, and not part of a page that an I/O is for.
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

    /// Copies `from` to the segment, starting at byte `at`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is too short; `EPERM` if the operation does not fill memory, as the
    /// memory of a write may be read-only.
    #[inline]
    pub fn copy_from(&self, at: usize, from: &[u8]) -> Result {
        self.check(at, from.len())?;
        self.check_fills()?;
        // SAFETY: As in `copy_to`, in the other direction. The memory may be written to, because
        // the operation fills it. The function flushes the cache of the page.
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

    /// Copies `len` bytes from byte `at` of the segment to byte `offset` of `page`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is too short.
    #[inline]
    pub fn copy_to_page(&self, at: usize, page: &DataPage, offset: usize, len: usize) -> Result {
        self.check(at, len)?;
        data_page::check(offset, len)?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        // SAFETY: Both pages are valid, and the checks have made sure that the bytes lie inside
        // them. They don't overlap: the driver's page is its own, and no I/O is for it.
        unsafe { bindings::memcpy_page(page.as_raw(), offset, self.page, self.offset + at, len) };
        Ok(())
    }

    /// Copies `len` bytes from byte `offset` of `page` to byte `at` of the segment.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is too short; `EPERM` if the operation does not fill
    /// memory.
    #[inline]
    pub fn copy_from_page(&self, at: usize, page: &DataPage, offset: usize, len: usize) -> Result {
        self.check(at, len)?;
        data_page::check(offset, len)?;
        self.check_fills()?;
        // SAFETY: As in `copy_to_page`, in the other direction. The memory may be written to,
        // because the operation fills it.
        unsafe { bindings::memcpy_page(self.page, self.offset + at, page.as_raw(), offset, len) };
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        Ok(())
    }

    /// Sets `len` bytes to `byte`, starting at byte `at` of the segment.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is too short; `EPERM` if the operation does not fill memory.
    #[inline]
    pub fn fill(&self, at: usize, len: usize, byte: u8) -> Result {
        self.check(at, len)?;
        self.check_fills()?;
        // SAFETY: The page is valid, and `check` has made sure that the bytes lie inside. The
        // memory may be written to, because the operation fills it.
        unsafe { bindings::memset_page(self.page, self.offset + at, byte.into(), len) };
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        Ok(())
    }

    /// Sets the whole segment to zero.
    ///
    /// # Errors
    ///
    /// `EPERM` if the operation does not fill memory.
    #[inline]
    pub fn zero(&self) -> Result {
        self.fill(0, self.len, 0)
    }

    /// Checks that `len` bytes from `at` on lie inside the segment, and so inside the page.
    #[inline]
    fn check(&self, at: usize, len: usize) -> Result {
        if at <= self.len && len <= self.len - at {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Checks that the memory may be written to.
    #[inline]
    fn check_fills(&self) -> Result {
        if self.op.fills_memory() {
            Ok(())
        } else {
            Err(EPERM)
        }
    }
}
