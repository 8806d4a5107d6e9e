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
        let bio = if op.moves_data() {
            // SAFETY: As in `op`.
            unsafe { (*self.as_raw()).bio }
        } else {
            core::ptr::null_mut()
        };
        Segments {
            bio,
            // SAFETY: The block layer does not change or end the bios of a request while the driver
            // owns it.
            iter: unsafe { start_of(bio) },
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

/// The position of the first byte of `bio`, or of no byte if that is null.
///
/// # Safety
///
/// `bio` must be null, or a valid bio whose position nobody changes.
#[inline]
unsafe fn start_of(bio: *const bindings::bio) -> bindings::bvec_iter {
    if bio.is_null() {
        return pin_init::zeroed();
    }
    // No reference to the bio is made, because others may write to other fields of it.
    // SAFETY: `bio` is valid and its position does not change, by the requirements of this
    // function.
    unsafe { (*bio).bi_iter }
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
/// * `iter` is a position in the bio.
pub struct Segments<'a> {
    bio: *mut bindings::bio,
    iter: bindings::bvec_iter,
    op: Op,
    _p: PhantomData<&'a ()>,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        // A bio that is done is followed by the next one; there may be bios without data.
        while self.iter.bi_size == 0 {
            if self.bio.is_null() {
                return None;
            }
            // SAFETY: By the type invariant the bio is valid if it is not null.
            self.bio = unsafe { (*self.bio).bi_next };
            // INVARIANT: The bios of a request are chained by this field, and end with null.
            // SAFETY: As in `segments`, for as long as the request is borrowed.
            self.iter = unsafe { start_of(self.bio) };
        }
        // SAFETY: By the type invariants the bio has data at the position, which is not at its end.
        let vec = unsafe { bindings::bio_iter_iovec(self.bio, self.iter) };
        // SAFETY: As above; the piece at the position is as long as `vec`.
        unsafe { bindings::bio_advance_iter_single(self.bio, &mut self.iter, vec.bv_len) };
        // SAFETY: The function splits pieces at the ends of pages. The pages are held by the bio
        // for as long as the driver owns the request, which is `'a`.
        Some(unsafe { Segment::from_raw(vec, self.op) })
    }
}
