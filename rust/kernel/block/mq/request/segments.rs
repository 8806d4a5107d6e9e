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
/// * `left` bytes remain of the bio before `bio`. If that is not zero, the next of these bytes is
///   in `*vec`, at `done`, which is less than the length of `*vec`.
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
    // This is `bio_iter_iovec()` and `bio_advance_iter_single()`. Calling them as functions would
    // cost more than their work.
    #[inline]
    pub fn next_part(&mut self, max: usize) -> Option<Segment<'a>> {
        if max == 0 {
            return None;
        }
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
        // SAFETY: By the type invariant bytes remain in `*vec`. The bio keeps it, unchanged, for as
        // long as the driver owns the request.
        let (page, offset, len) = unsafe {
            (
                (*self.vec).bv_page,
                (*self.vec).bv_offset,
                (*self.vec).bv_len,
            )
        };
        let start = (offset + self.done) as usize;
        let vec = bindings::bio_vec {
            // A `bio_vec` may have several pages. Their `struct page` are adjacent.
            bv_page: page.wrapping_add(start >> PAGE_SHIFT),
            bv_offset: (start % PAGE_SIZE) as u32,
            bv_len: (len - self.done)
                .min(self.left)
                .min((PAGE_SIZE - start % PAGE_SIZE).min(max) as u32),
        };
        // INVARIANT: These bytes are done. They are no more than remain of the bio and of `*vec`.
        // When `*vec` is done, the remaining bytes are in the next one.
        self.done += vec.bv_len;
        self.left -= vec.bv_len;
        if self.done == len {
            self.done = 0;
            self.vec = self.vec.wrapping_add(1);
        }
        // SAFETY: The segment does not extend beyond its page. The bio holds the pages for as long
        // as the driver owns the request, which is `'a`.
        Some(unsafe { Segment::from_raw(vec, self.op) })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a>> {
        self.next_part(PAGE_SIZE)
    }
}
