// SPDX-License-Identifier: GPL-2.0

//! The data of a request, piece by piece.
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

/// An iterator over the data of a request. See [`OwnedRequest::segments`].
///
/// It borrows the owner, so the request can't end before it.
///
/// # Invariants
///
/// * `bio` is null, or points to a bio of a request that is owned by the driver for `'a`, with the
///   operation `op`, which moves data.
/// * `left` bytes remain of the bio before `bio`. If it is not zero, the next of them is in `*vec`,
///   at `done`, which is less than its length.
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
    /// `bio` must be null, or the first bio of a request that is owned by the driver for `'a`, with
    /// the operation `op`, which moves data.
    #[inline]
    pub(super) unsafe fn new(bio: *mut bindings::bio, op: Op) -> Self {
        // INVARIANT: By the requirements of this function. Nothing is left of a bio before.
        Self {
            bio,
            vec: core::ptr::null(),
            done: 0,
            left: 0,
            op,
            _p: PhantomData,
        }
    }

    /// The next segment, or its first `max` bytes if it is longer; the rest of it comes next then.
    /// Nothing if `max` is zero.
    // This is `bio_iter_iovec()` and `bio_advance_iter_single()`, which as functions would cost
    // more than what they do.
    #[inline]
    pub fn next_part(&mut self, max: usize) -> Option<Segment<'a>> {
        if max == 0 {
            return None;
        }
        // A bio that is done is followed by the next one; there may be bios without data.
        while self.left == 0 {
            let bio = self.bio;
            if bio.is_null() {
                return None;
            }
            // No reference to the bio is made, because other fields of it may be written to.
            // SAFETY: By the type invariant the bio is valid. The block layer does not change the
            // position of the bios of a request, or end them, while the driver owns it, which is
            // `'a`.
            let (next, vecs, position) =
                unsafe { ((*bio).bi_next, (*bio).bi_io_vec, (*bio).bi_iter) };
            // INVARIANT: The bios of a request are chained by this field, and end with null. The
            // other one begins where its own position is.
            self.bio = next;
            self.vec = vecs.wrapping_add(position.bi_idx as usize);
            self.done = position.bi_offset;
            self.left = position.bi_size;
        }
        // SAFETY: By the type invariant there are bytes left in what `vec` points to, which the
        // bio has for as long as the driver owns the request, and which does not change.
        let (page, offset, len) = unsafe {
            (
                (*self.vec).bv_page,
                (*self.vec).bv_offset,
                (*self.vec).bv_len,
            )
        };
        let start = (offset + self.done) as usize;
        let vec = bindings::bio_vec {
            // One may have several pages, whose `struct page` lie side by side.
            bv_page: page.wrapping_add(start >> PAGE_SHIFT),
            bv_offset: (start % PAGE_SIZE) as u32,
            bv_len: (len - self.done)
                .min(self.left)
                .min((PAGE_SIZE - start % PAGE_SIZE).min(max) as u32),
        };
        // INVARIANT: These bytes are done, no more than are left of the bio and in `vec`; when that
        // is done, what is left is in the one that follows.
        self.done += vec.bv_len;
        self.left -= vec.bv_len;
        if self.done == len {
            self.done = 0;
            self.vec = self.vec.wrapping_add(1);
        }
        // SAFETY: The piece ends with its page at the latest. The bio holds the pages for as long
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
