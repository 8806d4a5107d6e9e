// SPDX-License-Identifier: GPL-2.0

//! Pieces of memory that data is moved from or to.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use super::Op;
use crate::{
    bindings,
    page::PAGE_SIZE,
    prelude::*, //
};
use core::marker::PhantomData;

/// A piece of a page that an I/O moves data from or to.
///
/// The memory may belong to a process that uses it while the I/O is on its way, or to several I/Os,
/// so it can be copied from and to, but not be referred to. What is read may change from one call to
/// the next.
///
/// # Invariants
///
/// For `'a`, `offset..offset + len` lies inside the page that `page` points to, which is not freed.
/// The I/O's operation is `op`.
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
    /// `vec` must lie inside one page, which is not freed for the lifetime of the result, and belong
    /// to an I/O with the operation `op`.
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
    pub fn copy_to(&self, at: usize, to: &mut [u8]) -> Result {
        self.check(at, to.len())?;
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
    pub fn copy_from(&self, at: usize, from: &[u8]) -> Result {
        self.check(at, from.len())?;
        if !self.op.fills_memory() {
            return Err(EPERM);
        }
        self.with_mapped(|to| {
            // SAFETY: As in `copy_to`, the other way round. The memory may be written to, because
            // the operation fills it.
            unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to.add(at), from.len()) }
        });
        Ok(())
    }

    /// Fills the memory with zeroes. Does not sleep.
    ///
    /// # Errors
    ///
    /// `EPERM` if the operation does not fill memory.
    pub fn zero(&self) -> Result {
        if !self.op.fills_memory() {
            return Err(EPERM);
        }
        self.with_mapped(|to| {
            // SAFETY: The segment lies inside the page, which is mapped, and which may be written
            // to, because the operation fills it.
            unsafe { core::ptr::write_bytes(to, 0, self.len) }
        });
        Ok(())
    }

    fn check(&self, at: usize, len: usize) -> Result {
        match at.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(EINVAL),
        }
    }

    /// Maps the page, and calls `access` with a pointer to the segment.
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
