// SPDX-License-Identifier: GPL-2.0

//! The functions that the block layer calls: `struct blk_mq_ops`.
//!
//! Each converts its arguments, calls the driver and converts the result, and does nothing else.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

use super::{
    operations::Operations,
    request::{
        CompletionBatch,
        OwnedRequest,
        Pdu,
        Request,
        RequestList, //
    },
    tag_set::TagSet,
    BorrowedQueueData, //
};
use crate::{
    bindings,
    block::Status,
    prelude::*,
    types::ForeignOwnable, //
};
use core::marker::PhantomData;

/// The table of functions for a driver `T`.
pub(super) struct VTable<T: Operations>(PhantomData<T>);

/// Borrows the queue data of a disk from its queue.
///
/// # Safety
///
/// `q` must be the queue of a disk that [`GenDisk<T>`](super::GenDisk) manages. The queue data must
/// not be dropped for `'a`.
#[inline]
pub(super) unsafe fn queue_data<'a, T: Operations>(
    q: *const bindings::request_queue,
) -> BorrowedQueueData<'a, T> {
    // SAFETY: Before the disk is added, `queuedata` is set to the result of `into_foreign`. It
    // never changes after that. It is valid by the requirements of this function.
    unsafe { T::QueueData::borrow((*q).queuedata) }
}

/// Borrows the queue data of a disk from a hardware queue, with one load less.
///
/// # Safety
///
/// As for [`queue_data`]; `hctx` must be a hardware queue of that queue, and set up.
#[inline]
unsafe fn hctx_data<'a, T: Operations>(
    hctx: *const bindings::blk_mq_hw_ctx,
) -> BorrowedQueueData<'a, T> {
    // SAFETY: `VTable::init_hctx` has set `driver_data` to the `queuedata` of the queue, which is
    // valid by the requirements of this function.
    unsafe { T::QueueData::borrow((*hctx).driver_data) }
}

impl<T: Operations> VTable<T> {
    /// # Safety
    ///
    /// Only to be called by the block layer, for a queue of a disk of `T`. `bd` points to a request
    /// of that queue, which passes to the driver with the call.
    unsafe extern "C" fn queue_rq(
        hctx: *mut bindings::blk_mq_hw_ctx,
        bd: *const bindings::blk_mq_queue_data,
    ) -> bindings::blk_status_t {
        // SAFETY: `bd` and the request it points to are valid by the requirements of this function.
        let (rq, is_last) = unsafe { ((*bd).rq, (*bd).last) };
        // SAFETY: `init_request` has set the request up. The block layer passes it to the driver
        // with its initial count, not started, and does not touch it until it is refused or ended.
        // The lifetime of its type is that of this call, so the driver can't refuse another call's
        // request instead.
        let rq = unsafe { OwnedRequest::from_raw(rq) };
        // SAFETY: `hctx` is valid during the call, and so is the queue data: see `GenDisk::drop`,
        // which also says that drivers must not sleep in a section of RCU.
        let queue_data = unsafe { hctx_data::<T>(hctx) };

        match T::queue_rq(queue_data, rq, is_last) {
            Ok(()) => Status::OK.into_raw(),
            Err(refused) => refused.into_status(),
        }
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, with a list of one or more requests of a disk of `T`,
    /// which pass to the driver with the call.
    unsafe extern "C" fn queue_rqs(list: *mut bindings::rq_list) {
        // SAFETY: The list is valid, and nothing else uses it while the reference exists.
        let list = unsafe { &mut *list };
        // SAFETY: The list is not empty, and all its requests are of one queue. As in `queue_rq`;
        // the block layer makes both calls under the same protection.
        let queue_data = unsafe { queue_data::<T>((*list.head).q) };
        // Take all requests from the block layer's list. It gets back those that the driver does
        // not take.
        let requests = core::mem::replace(list, pin_init::zeroed());
        // SAFETY: As in `queue_rq`, for all requests in the list.
        let requests = unsafe { RequestList::from_raw(requests) };
        let left = T::queue_rqs(queue_data, requests);
        // SAFETY: The lifetime of the idle requests is that of this call, so all came in this list.
        unsafe { left.put_back(list) };
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a queue of a disk of `T`.
    unsafe extern "C" fn commit_rqs(hctx: *mut bindings::blk_mq_hw_ctx) {
        // SAFETY: As in `queue_rq`; the block layer makes both calls under the same protection.
        let (queue_data, hw_queue) = unsafe { (hctx_data::<T>(hctx), (*hctx).queue_num) };
        T::commit_rqs(queue_data, hw_queue);
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a request that was passed to
    /// `blk_mq_complete_request_remote()` by `RequestList::complete`, once for each time.
    unsafe extern "C" fn complete(rq: *mut bindings::request) {
        // SAFETY: `RequestList::complete` has set the state of this request, and of those that are
        // linked to it, to complete, and this call owns them now.
        T::complete(unsafe { RequestList::from_head(rq) });
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a queue of a disk of `T` whose use count it holds.
    /// `batch` is null, or points to a batch that the caller ends.
    unsafe extern "C" fn poll(
        hctx: *mut bindings::blk_mq_hw_ctx,
        batch: *mut bindings::io_comp_batch,
    ) -> c_int {
        // SAFETY: `hctx` is valid during the call. The use count that the caller holds keeps the
        // hardware queues from changing.
        let (kind, cpus) = unsafe { ((*hctx).type_, (*hctx).nr_ctx) };
        // The I/O whose submitter polls may have ended. Its hardware queue may then have another
        // type by now, or have lost its CPUs and kept its old type.
        if u32::from(kind) != bindings::hctx_type_HCTX_TYPE_POLL || cpus == 0 {
            return 0;
        }
        // SAFETY: As above. The queue data is dropped after `del_gendisk()`, which waits for the
        // use count that the caller holds.
        let (queue_data, hw_queue) = unsafe { (hctx_data::<T>(hctx), (*hctx).queue_num) };
        let poll = |batch: &mut CompletionBatch<'_>| T::poll(queue_data, hw_queue, batch);

        // SAFETY: The batch is null or valid by the requirements of this function.
        let ended = match unsafe { batch.as_mut() } {
            // SAFETY: The caller ends the batch.
            Some(batch) => poll(&mut unsafe { CompletionBatch::from_raw(batch) }),
            None => CompletionBatch::scope(poll),
        };
        ended.try_into().unwrap_or(c_int::MAX)
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a hardware queue that is being set up: one of a
    /// disk of `T`, or of a queue that will belong to one.
    unsafe extern "C" fn init_hctx(
        hctx: *mut bindings::blk_mq_hw_ctx,
        _data: *mut c_void,
        hctx_idx: c_uint,
    ) -> c_int {
        // SAFETY: `hctx` is valid during the call, and so is its queue.
        let q = unsafe { (*hctx).queue };
        // SAFETY: As above. The field belongs to the driver. `queuedata` of the queue is set and
        // does not change any more.
        unsafe { (*hctx).driver_data = (*q).queuedata };
        if !T::HAS_INIT_HCTX {
            return 0;
        }
        // SAFETY: The queue data is set before the block layer sets up hardware queues. When that
        // is for a new disk, `GenDiskBuilder::build` owns the queue data. Later it is for disks
        // that `del_gendisk()` has not taken off the tag set: see `GenDisk::drop`.
        let queue_data = unsafe { queue_data::<T>(q) };
        T::init_hctx(queue_data, hctx_idx).map_or_else(|error| error.to_errno(), |()| 0)
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a tag set of `T`.
    unsafe extern "C" fn map_queues(set: *mut bindings::blk_mq_tag_set) {
        // SAFETY: The tag sets with this table are those of `TagSet<T>`, which initializes the
        // other fields before it passes the C tag set on.
        unsafe { TagSet::<T>::map_queues(set) };
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a request of a disk of `T`. The block layer must
    /// hold a reference to it, and a use count of the disk's queue, during the call.
    unsafe extern "C" fn timeout(rq: *mut bindings::request) -> bindings::blk_eh_timer_return {
        // SAFETY: `init_request` has set the request up, and the block layer has a count for it, so
        // the invariants of `Request` hold during the call.
        let rq = unsafe { &*rq.cast::<Request<T>>() };
        T::timeout(rq.queue_data(), rq);
        // If the request has not ended, it times out again. So the I/O does not hang if the driver
        // did not find its owner in this call. If the request has ended, this only arms the timer
        // of the queue once more.
        bindings::blk_eh_timer_return_BLK_EH_RESET_TIMER
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a request of a tag set of `T` that is being set
    /// up.
    unsafe extern "C" fn init_request(
        _set: *mut bindings::blk_mq_tag_set,
        rq: *mut bindings::request,
        _hctx_idx: c_uint,
        _numa_node: c_int,
    ) -> c_int {
        // SAFETY: `TagSet::new` passes `Pdu::SIZE` as `cmd_size`.
        let pdu = unsafe { Pdu::<T>::of_raw(rq) };
        // SAFETY: `pdu` is valid for writes, aligned (`Pdu::SIZE` checks that), not yet
        // initialized, and not moved until `exit_request`.
        let Ok(()) = unsafe { Pdu::<T>::new().__init(pdu) };
        0
    }

    /// # Safety
    ///
    /// Only to be called by the block layer, for a request of a tag set of `T` that `init_request`
    /// has set up, once, when there is no reference to it.
    unsafe extern "C" fn exit_request(
        _set: *mut bindings::blk_mq_tag_set,
        rq: *mut bindings::request,
        _hctx_idx: c_uint,
    ) {
        // SAFETY: `TagSet::new` passes `Pdu::SIZE` as `cmd_size`.
        let pdu = unsafe { Pdu::<T>::of_raw(rq) };
        // SAFETY: `init_request` initialized the area. There is no reference to the request, so
        // nothing uses its data: an owner, parked or in a timer, would be a reference. If the
        // callback of its timer has not returned yet, the timer's drop waits for that.
        unsafe { core::ptr::drop_in_place(pdu) };
    }

    const VTABLE: bindings::blk_mq_ops = bindings::blk_mq_ops {
        queue_rq: Some(Self::queue_rq),
        queue_rqs: if T::HAS_QUEUE_RQS {
            Some(Self::queue_rqs)
        } else {
            None
        },
        commit_rqs: if T::HAS_COMMIT_RQS {
            Some(Self::commit_rqs)
        } else {
            None
        },
        complete: if T::HAS_COMPLETE {
            Some(Self::complete)
        } else {
            None
        },
        poll: if T::HAS_POLL { Some(Self::poll) } else { None },
        map_queues: Some(Self::map_queues),
        init_hctx: Some(Self::init_hctx),
        timeout: if T::HAS_TIMEOUT {
            Some(Self::timeout)
        } else {
            None
        },
        init_request: Some(Self::init_request),
        exit_request: Some(Self::exit_request),
        ..pin_init::zeroed()
    };

    /// Returns the table.
    pub(super) const fn get() -> &'static bindings::blk_mq_ops {
        &Self::VTABLE
    }
}
