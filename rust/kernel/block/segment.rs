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
    page::PAGE_SIZE,
    prelude::*, //
};
use core::marker::PhantomData;

/// A piece of a page that an I/O moves data from or to.
///
/// The memory may belong to a process that uses it while the I/O is on its way, or to several I/Os,
/// so it can be copied from and to, but not be referred to. What is read may change from one call
/// to the next.
///
/// # Examples
///
/// A device whose first bytes are stored in `header`, and whose other bytes are zero:
///
/// ```
/// use kernel::{
///     block::{mq::{Operations, OwnedRequest, State}, SECTOR_SHIFT},
///     prelude::*, //
/// };
///
/// fn read<T: Operations, S: State>(rq: &OwnedRequest<T, S>, header: &[u8]) -> Result {
///     let mut at = usize::try_from(rq.sector() << SECTOR_SHIFT)?;
///     for segment in rq.segments() {
///         segment.zero()?;
///         if let Some(bytes) = header.get(at..) {
///             segment.copy_from(0, &bytes[..bytes.len().min(segment.len())])?;
///         }
///         at += segment.len();
///     }
///     Ok(())
/// }
/// ```
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
    /// Does not sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::Segment;
    ///
    /// /// The sum of the bytes, a piece at a time.
    /// fn sum(segment: &Segment<'_>) -> Result<u32> {
    ///     let mut sum = 0;
    ///     let mut piece = [0; 64];
    ///     for at in (0..segment.len()).step_by(piece.len()) {
    ///         let piece_len = piece.len().min(segment.len() - at);
    ///         segment.copy_to(at, &mut piece[..piece_len])?;
    ///         sum += piece[..piece_len].iter().map(|&byte| u32::from(byte)).sum::<u32>();
    ///     }
    ///     Ok(sum)
    /// }
    /// ```
    #[inline]
    pub fn copy_to(&self, at: usize, to: &mut [u8]) -> Result {
        self.check(at, to.len())?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        self.with_mapped(|from| {
            // SAFETY: The range lies inside the segment, as was checked, and so inside the page,
            // which is mapped. `to` is valid for its length, and cannot overlap with a page that is
            // mapped here only. Others may write to the page at the same time; then any bytes will
            // do.
            unsafe { core::ptr::copy_nonoverlapping(from.add(at), to.as_mut_ptr(), to.len()) }
        });
        Ok(())
    }

    /// Copies `from` to the memory, from the byte `at` of the segment on.
    ///
    /// Does not sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough, `EPERM` if the operation does not fill memory:
    /// what is to be written to a device may be in memory that must not be changed.
    #[inline]
    pub fn copy_from(&self, at: usize, from: &[u8]) -> Result {
        self.check(at, from.len())?;
        self.check_fills()?;
        self.with_mapped(|to| {
            // SAFETY: As in `copy_to`, the other way round. The memory may be written to, because
            // the operation fills it.
            unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to.add(at), from.len()) }
        });
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        Ok(())
    }

    /// Copies `len` bytes, from the byte `at` of the segment on, to the byte `offset` of `page` and
    /// on.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is not long enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::{DataPage, Segment};
    ///
    /// /// Stores what is written to the first sector.
    /// fn store(segment: &Segment<'_>, page: &DataPage) -> Result {
    ///     segment.copy_to_page(0, page, 0, segment.len().min(512))
    /// }
    /// ```
    #[inline]
    pub fn copy_to_page(&self, at: usize, page: &DataPage, offset: usize, len: usize) -> Result {
        self.check(at, len)?;
        data_page::check(offset, len)?;
        // SAFETY: By the type invariant the page is valid.
        unsafe { bindings::flush_dcache_page(self.page) };
        // SAFETY: Both pages are valid, and the bytes lie inside them, as was checked. They don't
        // overlap: the driver's page is its own, and no I/O is for it. Others may use the bytes at
        // the same time; then any bytes will do.
        unsafe { bindings::memcpy_page(page.as_raw(), offset, self.page, self.offset + at, len) };
        Ok(())
    }

    /// Copies `len` bytes, from the byte `offset` of `page` on, to the byte `at` of the segment and
    /// on.
    ///
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment or the page is not long enough, `EPERM` if the operation does not
    /// fill memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::{DataPage, Segment};
    ///
    /// /// Answers a read of the first sector.
    /// fn load(segment: &Segment<'_>, page: &DataPage) -> Result {
    ///     segment.copy_from_page(0, page, 0, segment.len().min(512))
    /// }
    /// ```
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
    /// Does not sleep. May be called in any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the segment is not long enough, `EPERM` if the operation does not fill memory.
    ///
    /// # Examples
    ///
    /// Reading from a device that has no more than `left` bytes, and ones behind them:
    ///
    /// ```
    /// use kernel::{
    ///     block::Segment,
    ///     prelude::*, //
    /// };
    ///
    /// fn fill_up(segment: &Segment<'_>, left: usize) -> Result {
    ///     let at = left.min(segment.len());
    ///     segment.fill(at, segment.len() - at, 0xff)
    /// }
    /// ```
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

    /// Fills the memory with zeroes. Does not sleep. May be called in any context.
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

    /// Maps the page, and calls `access` with a pointer to the segment.
    #[inline]
    fn with_mapped<V>(&self, access: impl FnOnce(*mut u8) -> V) -> V {
        debug_assert!(self.offset + self.len <= PAGE_SIZE);
        // SAFETY: By the type invariant `page` points to a page.
        let mapped = unsafe { bindings::kmap_local_page(self.page) };
        // SAFETY: By the type invariant the offset lies inside the page.
        let value = access(unsafe { mapped.cast::<u8>().add(self.offset) });
        // SAFETY: This was mapped above, and is the last mapping that was made here.
        unsafe { bindings::kunmap_local(mapped) };
        value
    }
}
