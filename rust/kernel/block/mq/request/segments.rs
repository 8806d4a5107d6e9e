// SPDX-License-Identifier: GPL-2.0

//! The segments of a request's data.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use crate::{
    bindings,
    block::{
        Op,
        Segment, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
};
use core::marker::PhantomData;

/// An iterator over the segments of a request's data. See [`OwnedRequest::segments`].
///
/// It borrows the owner, so the request can't end during the iteration.
///
/// # Invariants
///
/// * `bio` is null, or points to a bio of a request that the driver owns for `'a`, with the
///   operation `op`, which moves data.
/// * `left` bytes remain of the bio before `bio`. If that is not zero, then `done` bytes of `*vec`
///   are done, no more than it has, and the next byte is in `*vec`, or in a `bio_vec` behind it.
///
/// [`OwnedRequest::segments`]: super::OwnedRequest::segments
pub struct Segments<'a> {
    bio: *mut bindings::bio,
    vec: *const bindings::bio_vec,
    done: u32,
    left: u32,
    op: Op,
    _p: PhantomData<&'a ()>,
}

// This is what `bio_iter_iovec()` and `bio_advance_iter_single()` do. Calling them as functions
// would cost more than their work.
impl<'a> Segments<'a> {
    /// # Safety
    ///
    /// `bio` must be null, or the first bio of a request that the driver owns for `'a`, with the
    /// operation `op`, which moves data.
    #[inline]
    pub(super) unsafe fn new(bio: *mut bindings::bio, op: Op) -> Self {
        // INVARIANT: By the requirements of this function. No bytes remain of an earlier bio.
        Self {
            bio,
            vec: core::ptr::null(),
            done: 0,
            left: 0,
            op,
            _p: PhantomData,
        }
    }

    /// Returns the next segment, or its first `max` bytes if it is longer; the rest comes next.
    /// Returns [`None`] if `max` is zero.
    #[inline]
    pub fn next_part(&mut self, max: usize) -> Option<Segment<'a>> {
        let (vec, start) = self.current()?;
        let len = (vec.bv_len - self.done)
            .min(self.left)
            .min((PAGE_SIZE - start % PAGE_SIZE).min(max) as u32);
        if len == 0 {
            return None;
        }
        // SAFETY: `len` bytes remain of the page, the `bio_vec` and the bio.
        Some(unsafe { self.take(vec, start, len) })
    }

    /// Returns the next `len` bytes, if one segment has them all. Otherwise, and if `len` is zero,
    /// returns [`None`], and stays where it is.
    #[inline]
    pub fn next_exact(&mut self, len: usize) -> Option<Segment<'a>> {
        let (vec, start) = self.current()?;
        // A branch for each is faster than the least of all, as in `next_part`.
        if len == 0
            || len > (vec.bv_len - self.done) as usize
            || len > self.left as usize
            || start % PAGE_SIZE + len > PAGE_SIZE
        {
            return None;
        }
        // SAFETY: `len` bytes remain of the page, the `bio_vec` and the bio.
        Some(unsafe { self.take(vec, start, len as u32) })
    }

    /// Returns the `bio_vec` with the next byte, and where that is in its memory.
    #[inline(always)]
    fn current(&mut self) -> Option<(bindings::bio_vec, usize)> {
        // After a bio comes the next one. Some bios have no data.
        while self.left == 0 {
            let bio = self.bio;
            if bio.is_null() {
                return None;
            }
            // Make no reference to the bio, because other fields of it may be written.
            // SAFETY: By the type invariant the bio is valid. While the driver owns the request,
            // which is `'a`, the block layer does not change the position of its bios, or end them.
            let (next, vecs, position) =
                unsafe { ((*bio).bi_next, (*bio).bi_io_vec, (*bio).bi_iter) };
            // INVARIANT: The bios of a request are chained by this field, and end with null. The
            // bio's remaining bytes begin at its own position.
            self.bio = next;
            self.vec = vecs.wrapping_add(position.bi_idx as usize);
            self.done = position.bi_offset;
            self.left = position.bi_size;
        }
        // SAFETY: By the type invariant bytes remain in `*vec` or behind it. The bio keeps them,
        // unchanged, for as long as the driver owns the request.
        let mut vec = unsafe { *self.vec };
        while self.done == vec.bv_len {
            // INVARIANT: The next byte is behind this `bio_vec`, in the next one or behind that.
            self.vec = self.vec.wrapping_add(1);
            self.done = 0;
            // SAFETY: As above.
            vec = unsafe { *self.vec };
        }
        Some((vec, (vec.bv_offset + self.done) as usize))
    }

    /// Returns `len` bytes from `start` on, and goes on to the bytes behind them.
    ///
    /// # Safety
    ///
    /// `vec` and `start` must come from [`current`](Self::current). `len` bytes must remain of the
    /// page that `start` is in, of `vec`, and of the bio.
    #[inline(always)]
    unsafe fn take(&mut self, vec: bindings::bio_vec, start: usize, len: u32) -> Segment<'a> {
        // INVARIANT: These bytes are done. By the requirements of this function they are no more
        // than remain.
        self.done += len;
        self.left -= len;
        let part = bindings::bio_vec {
            // A `bio_vec` may have several pages. Their `struct page` are adjacent.
            bv_page: vec.bv_page.wrapping_add(start >> PAGE_SHIFT),
            bv_offset: (start % PAGE_SIZE) as u32,
            bv_len: len,
        };
        // SAFETY: The segment does not extend beyond its page. The bio holds the pages for as long
        // as the driver owns the request, which is `'a`.
        unsafe { Segment::from_raw(part, self.op) }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a>> {
        self.next_part(PAGE_SIZE)
    }
}
