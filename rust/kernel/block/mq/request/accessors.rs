// SPDX-License-Identifier: GPL-2.0

//! Fields of a request that only its owner may read, and one that it may write.
//!
//! Without the owner, the I/O may end or be requeued on another CPU at any time. The block layer
//! then frees or changes these fields.
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
        OpFlags,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

impl<T: Operations, S: State> OwnedRequest<T, S> {
    /// Returns the operation.
    #[inline]
    pub fn op(&self) -> Op {
        // SAFETY: The request is valid, and the block layer does not change this field while the
        // driver owns the request.
        Op::from_flags(unsafe { (*self.as_raw()).cmd_flags })
    }

    /// Returns the flags of the operation.
    #[inline]
    pub fn flags(&self) -> OpFlags {
        // SAFETY: As in `op`.
        OpFlags::new(unsafe { (*self.as_raw()).cmd_flags })
    }

    /// Returns the first sector, in units of 512 bytes, or [`u64::MAX`] for a flush.
    #[inline]
    pub fn sector(&self) -> u64 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__sector }
    }

    /// Returns the length in bytes: zero for a flush, the length of the range for a discard.
    #[inline]
    pub fn bytes(&self) -> u32 {
        // SAFETY: As in `op`.
        unsafe { (*self.as_raw()).__data_len }
    }

    /// Returns the length in sectors of 512 bytes.
    #[inline]
    pub fn sectors(&self) -> u32 {
        self.bytes() >> SECTOR_SHIFT
    }

    /// Returns the tag, which is unique among the requests of a hardware queue that are in flight.
    ///
    /// Once the request is started, [`TagSet::tag_to_rq`](crate::block::mq::TagSet::tag_to_rq)
    /// finds it by the tag.
    #[inline]
    pub fn tag(&self) -> u32 {
        // SAFETY: As in `op`. While the driver owns a request, it has a tag, which is not negative.
        unsafe { (*self.as_raw()).tag as u32 }
    }

    /// Returns true if the hardware queue is a polled one, whose requests [`Operations::poll`]
    /// ends.
    #[inline]
    pub fn is_polled(&self) -> bool {
        // SAFETY: By the type invariant of `Request` the request keeps its hardware queue, whose
        // type changes only while no request is in use.
        let kind = unsafe { (*(*self.as_raw()).mq_hctx).type_ };
        u32::from(kind) == bindings::hctx_type_HCTX_TYPE_POLL
    }

    /// Returns true if the driver should drop the completion of the request, so that it times out.
    ///
    /// This is `blk_should_fake_timeout()`. A test enables it by the disk's attribute
    /// `io-timeout-fail`. Each call may return another value. Without `CONFIG_FAIL_IO_TIMEOUT`, all
    /// return false.
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

    /// Returns the memory segments that the data moves from or to, in order.
    ///
    /// Their lengths add up to [`bytes`](Self::bytes). An operation that moves no data has none.
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
    /// Sets the sector at which a [zone append](Op::ZONE_APPEND) wrote its data, in units of 512
    /// bytes. The submitter gets it when the request ends.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the request is for another operation, or if its data would not lie in its zone.
    /// The request is unchanged then.
    #[inline]
    pub fn set_sector(&mut self, sector: u64) -> Result {
        // SAFETY: By the type invariant of `Request` the request has a queue, whose limits do not
        // change while a request is in use.
        let zone_sectors = u64::from(unsafe { (*(*self.as_raw()).q).limits.chunk_sectors });
        if self.op() != Op::ZONE_APPEND || !zone_sectors.is_power_of_two() {
            return Err(EINVAL);
        }
        // The request's own sector lies in its zone.
        let zone = self.sector() & !(zone_sectors - 1);
        let end = sector.checked_add(self.sectors().into()).ok_or(EINVAL)?;
        if sector < zone || end > zone + zone_sectors {
            return Err(EINVAL);
        }
        // SAFETY: The request is valid. Nothing else uses this field while the driver owns the
        // request, and `self` is borrowed exclusively. The block layer passes the value on.
        unsafe { (*self.as_raw()).__sector = sector };
        Ok(())
    }
}
