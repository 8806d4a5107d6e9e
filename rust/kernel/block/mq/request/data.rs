// SPDX-License-Identifier: GPL-2.0

//! What a request is to do, and the data that it moves.
//!
//! All of this is reached through the owner: on another CPU the I/O may end or be requeued at any
//! time otherwise, upon which the block layer frees or changes it.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    InFlight,
    OwnedRequest,
    State, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Op,
        Segment, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    pr_warn_once, //
};
use core::marker::PhantomData;

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// What is to be done.
    #[inline]
    pub fn op(&self) -> Op {
        // SAFETY: The request is valid, and the block layer does not change this field while the
        // driver owns the request.
        Op::from_flags(unsafe { (*self.as_raw()).cmd_flags })
    }

    /// The first sector, in units of 512 bytes. This is [`u64::MAX`] for a flush.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::{mq::{Operations, OwnedRequest, State}, SECTOR_SHIFT};
    ///
    /// /// Whether a request that is no flush goes beyond the `capacity` of the device in bytes.
    /// fn is_too_long<T: Operations, S: State>(rq: &OwnedRequest<T, S>, capacity: u64) -> bool {
    ///     match capacity.checked_sub(u64::from(rq.bytes())) {
    ///         Some(last) => rq.sector() > last >> SECTOR_SHIFT,
    ///         None => true,
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn sector(&self) -> u64 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__sector }
    }

    /// The length in bytes. This is zero for a flush, and a number of sectors, in bytes, for a
    /// discard.
    ///
    /// [`sector`](Self::sector) has an example.
    #[inline]
    pub fn bytes(&self) -> u32 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__data_len }
    }

    /// The length in sectors of 512 bytes.
    #[inline]
    pub fn sectors(&self) -> u32 {
        self.bytes() >> crate::block::SECTOR_SHIFT
    }

    /// The tag, by which [`TagSet::tag_to_rq`](crate::block::mq::TagSet::tag_to_rq) finds the
    /// request once it is started. Unique among the requests of a hardware queue that are in
    /// flight.
    #[inline]
    pub fn tag(&self) -> u32 {
        // SAFETY: As in `op`. A request has a tag, which is not negative, while the driver has it.
        unsafe { (*self.as_raw()).tag as u32 }
    }

    /// The number of the hardware queue.
    #[inline]
    pub fn hw_queue(&self) -> u32 {
        // SAFETY: As in `op`. A request has a hardware queue while the driver has it, which does
        // not go away before the request does.
        unsafe { (*(*self.as_raw()).mq_hctx).queue_num }
    }

    /// Whether the hardware queue is one for polling, so that
    /// [`Operations::poll`] is to end the request.
    ///
    /// # Examples
    ///
    /// A driver that has an interrupt for everything else:
    ///
    /// ```
    /// # use kernel::block::mq::{InFlight, Operations, OwnedRequest, RequestChain};
    /// fn sort<T: Operations>(
    ///     rq: OwnedRequest<T, InFlight>,
    ///     polled: &mut RequestChain<T>,
    ///     others: &mut RequestChain<T>,
    /// ) {
    ///     if rq.is_polled() {
    ///         polled.push_back(rq);
    ///     } else {
    ///         others.push_back(rq);
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn is_polled(&self) -> bool {
        // SAFETY: As in `hw_queue`.
        let kind = unsafe { (*(*self.as_raw()).mq_hctx).type_ };
        u32::from(kind) == bindings::hctx_type_HCTX_TYPE_POLL
    }

    /// Whether the data must be on the medium, and not just in the device's cache, when the I/O
    /// ends (`REQ_FUA`).
    ///
    /// The block layer asks for it only if the disk has said that it can:
    /// [`GenDiskBuilder::fua`](crate::block::mq::GenDiskBuilder::fua).
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::block::{mq::{Operations, OwnedRequest, State}, Op};
    /// /// Whether the device may keep the data in its cache.
    /// fn may_be_cached<T: Operations, S: State>(rq: &OwnedRequest<T, S>) -> bool {
    ///     rq.op() == Op::WRITE && !rq.is_fua()
    /// }
    /// ```
    #[inline]
    pub fn is_fua(&self) -> bool {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).cmd_flags & (1 << bindings::req_flag_bits___REQ_FUA) != 0 }
    }

    /// Whether the driver should forget about the request, so that it times out.
    ///
    /// This is `blk_should_fake_timeout()`: it is for testing, and switched on by a disk's
    /// attribute `io-timeout-fail`. Each call may answer differently. Without
    /// `CONFIG_FAIL_IO_TIMEOUT` the answer is always no.
    ///
    /// May be called in any context.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::block::mq::{InFlight, Operations, OwnedRequest};
    /// fn complete<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    ///     if rq.should_fake_timeout() {
    ///         // `Operations::timeout` claims it.
    ///         rq.park();
    ///     } else {
    ///         rq.end_ok();
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn should_fake_timeout(&self) -> bool {
        #[cfg(CONFIG_FAIL_IO_TIMEOUT)]
        // SAFETY: The queue of a request is alive while the driver owns the request.
        return unsafe { bindings::blk_should_fake_timeout((*self.as_raw()).q) };
        #[cfg(not(CONFIG_FAIL_IO_TIMEOUT))]
        return false;
    }

    /// The pieces of memory that the data is moved from or to, in order.
    ///
    /// There are none for an operation that moves no data. Together they have
    /// [`bytes`](Self::bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::block::mq::{InFlight, Operations, OwnedRequest};
    /// /// Answers a read with zeroes.
    /// fn read_zeroes<T: Operations>(rq: OwnedRequest<T, InFlight>) -> Result {
    ///     for segment in rq.segments() {
    ///         segment.zero()?;
    ///     }
    ///     rq.end_ok();
    ///     Ok(())
    /// }
    /// ```
    #[inline]
    pub fn segments(&self) -> Segments<'_> {
        let op = self.op();
        // INVARIANT: These are the bios of the request, if its operation moves data.
        Segments {
            bio: if op.moves_data() {
                // SAFETY: As in `op`.
                unsafe { (*self.as_raw()).bio }
            } else {
                core::ptr::null_mut()
            },
            vec: core::ptr::null(),
            done: 0,
            left: 0,
            op,
            _p: PhantomData,
        }
    }
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Says where the data of a [zone append](Op::ZONE_APPEND) was written: from `sector` on, in
    /// units of 512 bytes. The submitter gets to know it when the request ends.
    ///
    /// A request for another operation is left as it is, and the driver warned about once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::block::mq::{InFlight, Operations, OwnedRequest};
    /// /// The device has written the data at the write pointer of the zone.
    /// fn appended<T: Operations>(mut rq: OwnedRequest<T, InFlight>, written_at: u64) {
    ///     rq.set_sector(written_at);
    ///     rq.end_ok();
    /// }
    /// ```
    #[inline]
    pub fn set_sector(&mut self, sector: u64) {
        if self.op() != Op::ZONE_APPEND {
            pr_warn_once!("block: a driver moved a request that is not a zone append\n");
            return;
        }
        // SAFETY: The request is valid. Nobody else reads or writes this field while the driver
        // owns it, and there are no borrows of the owner. The block layer passes the value on as it
        // is.
        unsafe { (*self.as_raw()).__sector = sector };
    }
}

/// An iterator over the data of a request. See [`OwnedRequest::segments`].
///
/// It borrows the owner, so that the request cannot end before it.
///
/// # Examples
///
/// ```
/// use kernel::block::mq::{Operations, OwnedRequest, Segments, State};
///
/// /// The length of the longest piece that the device has to be told of, in bytes.
/// fn longest(segments: Segments<'_>) -> usize {
///     segments.map(|segment| segment.len()).max().unwrap_or(0)
/// }
///
/// fn fits<T: Operations, S: State>(rq: &OwnedRequest<T, S>, limit: usize) -> bool {
///     longest(rq.segments()) <= limit
/// }
/// ```
///
/// # Invariants
///
/// * `bio` is null, or points to a bio of a request that is owned by the driver for `'a`, with the
///   operation `op`, which moves data.
/// * `left` bytes of the bio before that are to come. If it is not zero, they begin in the
///   `bio_vec` that `vec` points to, of whose bytes `done`, and not all, have been.
pub struct Segments<'a> {
    bio: *mut bindings::bio,
    vec: *const bindings::bio_vec,
    done: u32,
    left: u32,
    op: Op,
    _p: PhantomData<&'a ()>,
}

impl<'a> Segments<'a> {
    /// The next segment, or its first `max` bytes if it is longer; the rest of it comes next then.
    /// Nothing if `max` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::block::mq::{Operations, OwnedRequest, State};
    ///
    /// /// In how many pieces a device with a buffer of 1 KiB gets the data.
    /// fn pieces<T: Operations, S: State>(rq: &OwnedRequest<T, S>) -> usize {
    ///     let mut segments = rq.segments();
    ///     core::iter::from_fn(|| segments.next_part(1024)).count()
    /// }
    /// ```
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
            // No reference to the bio is made, because others may write to other fields of it.
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
        // bio has for as long as the driver owns the request, and which nobody changes.
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
        // INVARIANT: These bytes have been. There are no more than are left of the bio and in
        // `vec`; when that is done, what is left is in the one that follows.
        self.done += vec.bv_len;
        self.left -= vec.bv_len;
        if self.done == len {
            self.done = 0;
            self.vec = self.vec.wrapping_add(1);
        }
        // SAFETY: The piece ends with its page at the latest. The pages are held by the bio for as
        // long as the driver owns the request, which is `'a`.
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
