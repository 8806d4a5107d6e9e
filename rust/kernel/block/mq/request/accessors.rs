// SPDX-License-Identifier: GPL-2.0

//! Fields of a request that only its owner may read.
//!
//! Without the owner, the I/O may end or be requeued on another CPU at any time, upon which the
//! block layer frees or changes them.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    InFlight,
    OwnedRequest,
    Segments,
    State, //
};
use crate::{
    bindings,
    block::{
        mq::Operations,
        Op,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// The operation.
    #[inline]
    pub fn op(&self) -> Op {
        // SAFETY: The request is valid, and the block layer does not change this field while the
        // driver owns the request.
        Op::from_flags(unsafe { (*self.as_raw()).cmd_flags })
    }

    /// The first sector, in units of 512 bytes. This is [`u64::MAX`] for a flush.
    #[inline]
    pub fn sector(&self) -> u64 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__sector }
    }

    /// The length in bytes: zero for a flush, the length of the range for a discard.
    #[inline]
    pub fn bytes(&self) -> u32 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__data_len }
    }

    /// The length in sectors of 512 bytes.
    #[inline]
    pub fn sectors(&self) -> u32 {
        self.bytes() >> SECTOR_SHIFT
    }

    /// The tag. Once the request is started,
    /// [`TagSet::tag_to_rq`](crate::block::mq::TagSet::tag_to_rq) finds it by that.
    ///
    /// It is unique among the requests of a hardware queue that are in flight.
    #[inline]
    pub fn tag(&self) -> u32 {
        // SAFETY: As in `op`. A request has a tag, which is not negative, while the driver has it.
        unsafe { (*self.as_raw()).tag as u32 }
    }

    /// Whether the hardware queue is one for polling, so that [`Operations::poll`] is to end the
    /// request.
    #[inline]
    pub fn is_polled(&self) -> bool {
        // SAFETY: By the type invariant of `Request` the request keeps its hardware queue, whose
        // type changes only while no request is in use.
        let kind = unsafe { (*(*self.as_raw()).mq_hctx).type_ };
        u32::from(kind) == bindings::hctx_type_HCTX_TYPE_POLL
    }

    /// Whether the data must be on the medium, and not just in the device's cache, when the I/O
    /// ends (`REQ_FUA`).
    ///
    /// The block layer asks for it only if the disk can do it:
    /// [`GenDiskBuilder::fua`](crate::block::mq::GenDiskBuilder::fua).
    #[inline]
    pub fn is_fua(&self) -> bool {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).cmd_flags & (1 << bindings::req_flag_bits___REQ_FUA) != 0 }
    }

    /// Whether the driver should forget about the request, so that it times out.
    ///
    /// This is `blk_should_fake_timeout()`: a test switches it on by the disk's attribute
    /// `io-timeout-fail`. Each call may answer differently. Without `CONFIG_FAIL_IO_TIMEOUT` the
    /// answer is no.
    ///
    /// May be called in any context.
    #[inline]
    pub fn should_fake_timeout(&self) -> bool {
        #[cfg(CONFIG_FAIL_IO_TIMEOUT)]
        // SAFETY: By the type invariant of `Request` the request has a queue.
        return unsafe { bindings::blk_should_fake_timeout((*self.as_raw()).q) };
        #[cfg(not(CONFIG_FAIL_IO_TIMEOUT))]
        return false;
    }

    /// The pieces of memory that the data moves from or to, in order.
    ///
    /// An operation that moves no data has none. Together they have [`bytes`](Self::bytes).
    #[inline]
    pub fn segments(&self) -> Segments<'_> {
        let op = self.op();
        let bio = if op.moves_data() {
            // SAFETY: As in `op`.
            unsafe { (*self.as_raw()).bio }
        } else {
            core::ptr::null_mut()
        };
        // SAFETY: These are the bios of the request, which the driver owns for as long as `self` is
        // borrowed.
        unsafe { Segments::new(bio, op) }
    }
}

impl<T: Operations> OwnedRequest<T, InFlight> {
    /// Says where the data of a [zone append](Op::ZONE_APPEND) was written: from `sector` on, in
    /// units of 512 bytes. The submitter hears of it when the request ends.
    ///
    /// # Errors
    ///
    /// `EINVAL`, and the request is as before, if it is for another operation, or if its data would
    /// not lie in the zone that it is for.
    #[inline]
    pub fn set_sector(&mut self, sector: u64) -> Result {
        // SAFETY: By the type invariant of `Request` the request has a queue, whose limits do not
        // change while a request is in use.
        let zone_sectors = u64::from(unsafe { (*(*self.as_raw()).q).limits.chunk_sectors });
        if self.op() != Op::ZONE_APPEND || !zone_sectors.is_power_of_two() {
            return Err(EINVAL);
        }
        // The request is for its zone as a whole, so its own sector lies in that, too.
        let zone = self.sector() & !(zone_sectors - 1);
        let end = sector.checked_add(self.sectors().into()).ok_or(EINVAL)?;
        if sector < zone || end > zone + zone_sectors {
            return Err(EINVAL);
        }
        // SAFETY: The request is valid. Nothing else uses this field while the driver owns the
        // request, and the owner is not borrowed otherwise. The block layer passes the value on.
        unsafe { (*self.as_raw()).__sector = sector };
        Ok(())
    }
}
