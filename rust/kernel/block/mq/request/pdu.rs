// SPDX-License-Identifier: GPL-2.0

//! The private area behind a request.
//!
//! The block layer allocates `cmd_size` bytes behind each `struct request`. This file defines their
//! layout. No other file calculates pointers from a request to its private area or back.

use super::Request;
use crate::{
    bindings,
    block::{
        mq::Operations,
        AtomicStatus,
        Status, //
    },
    container_of,
    prelude::*,
    sync::atomic::Atomic, //
};
use core::ptr::NonNull;
use pin_init::PinInit;

/// The private area: fields of the abstractions, then the driver's data.
#[pin_data]
#[repr(C)]
pub(in crate::block::mq) struct Pdu<T: Operations> {
    /// Zero, or the way in which the owner is parked: see [`park`](super::park).
    pub(super) parked: Atomic<u64>,

    /// Not zero while a timer in `data` that was started with a reference is queued. It is set
    /// before the timer is queued, and cleared after the timer has left its queue.
    pub(super) armed: Atomic<u32>,

    /// A status that the driver stores: see [`Request::status`](super::Request::status). It lies in
    /// front of `data`, where most data leaves a gap.
    pub(super) status: AtomicStatus,

    #[pin]
    pub(super) data: T::RequestData,
}

impl<T: Operations> Pdu<T> {
    /// The size for `struct blk_mq_tag_set::cmd_size`.
    ///
    /// Using this constant checks the layout at compile time:
    ///
    /// * The area starts right behind `struct request`. That lies at a multiple of a cache line or,
    ///   for flush requests, is allocated by `kmalloc()`. The data must not need more alignment
    ///   than that.
    /// * A request must fit a small allocation, because `blk_mq_alloc_rqs()` falls back to ever
    ///   smaller ones.
    pub(in crate::block::mq) const SIZE: u32 = {
        let request = size_of::<bindings::request>();
        assert!(
            request % align_of::<Self>() == 0
                && align_of::<Self>() <= bindings::ARCH_KMALLOC_MINALIGN,
            "RequestData needs more alignment than the private area of a request has"
        );
        assert!(
            size_of::<Self>() <= 8 * crate::page::PAGE_SIZE,
            "RequestData is too large to be allocated with each request"
        );
        size_of::<Self>() as u32
    };

    /// Returns an initializer for the area of a request that is being set up.
    pub(in crate::block::mq) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            parked: Atomic::new(0),
            armed: Atomic::new(0),
            status: AtomicStatus::new(Status::OK),
            data <- T::new_request_data(),
        })
    }

    /// Returns the private area of `rq`. This is `blk_mq_rq_to_pdu()`, which would be a function
    /// call in kernels that do not inline helpers.
    ///
    /// # Safety
    ///
    /// `rq` must point to a request of a tag set that was allocated with `cmd_size` of
    /// [`Self::SIZE`] or more.
    #[inline]
    pub(in crate::block::mq) unsafe fn of_raw(rq: *mut bindings::request) -> *mut Self {
        // SAFETY: By the requirements of this function the private area lies right behind the
        // request, in the same allocation.
        unsafe { rq.add(1) }.cast()
    }

    /// Returns the request that the driver data `data` belongs to: `blk_mq_rq_from_pdu()`.
    ///
    /// # Safety
    ///
    /// `data` must point to the `data` field of a `Pdu<T>` that lies in the private area of a
    /// `Request<T>`.
    #[inline]
    pub(super) unsafe fn request_of_data(data: *const T::RequestData) -> NonNull<Request<T>> {
        // SAFETY: `data` points to that field of a `Pdu<T>` by the requirements of this function.
        let pdu = unsafe { container_of!(data, Self, data) };
        // SAFETY: By the requirements of this function `pdu` is the private area of a request, and
        // the request lies right in front of it in the same allocation.
        let rq = unsafe { pdu.cast_mut().cast::<bindings::request>().sub(1) };
        // SAFETY: The request lies in front of its private area and so is not null.
        unsafe { NonNull::new_unchecked(rq.cast()) }
    }
}
