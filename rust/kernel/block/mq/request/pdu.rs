// SPDX-License-Identifier: GPL-2.0

//! The private area behind a request.
//!
//! The block layer allocates `cmd_size` bytes behind each `struct request`. This file lays them
//! out, and is the only place with pointer arithmetic between a request and its private area.

use super::Request;
use crate::{
    bindings,
    block::mq::Operations,
    container_of,
    prelude::*,
    sync::atomic::Atomic, //
};
use core::ptr::NonNull;
use pin_init::PinInit;

/// The private area: bookkeeping of the abstractions, then the driver's data.
#[pin_data]
#[repr(C)]
pub(in crate::block::mq) struct Pdu<T: Operations> {
    /// Zero, or how the owner is parked: see [`park`](super::park).
    pub(super) parked: Atomic<u64>,

    /// Not zero from when a timer in `data` is started with a reference until it is out of its
    /// queue again.
    pub(super) armed: Atomic<u32>,

    #[pin]
    pub(super) data: T::RequestData,
}

impl<T: Operations> Pdu<T> {
    /// The size for `struct blk_mq_tag_set::cmd_size`.
    ///
    /// Using this constant checks the layout at compile time:
    ///
    /// * The area starts right behind `struct request`, which lies at a multiple of a cache line,
    ///   or for flush requests is allocated by `kmalloc()`. The data must not need more alignment
    ///   than that place has.
    /// * A request must fit a small allocation, because `blk_mq_alloc_rqs()` tries ever smaller
    ///   ones otherwise.
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

    /// An initializer for the area of a request that is being set up.
    pub(in crate::block::mq) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            parked: Atomic::new(0),
            armed: Atomic::new(0),
            data <- T::new_request_data(),
        })
    }

    /// The private area of `rq`: `blk_mq_rq_to_pdu()`, which would be a call in kernels that don't
    /// inline helpers.
    ///
    /// # Safety
    ///
    /// `rq` must point to a request of a tag set that was allocated with `cmd_size` of
    /// [`Self::SIZE`] or more.
    #[inline]
    pub(in crate::block::mq) unsafe fn of_raw(rq: *mut bindings::request) -> *mut Self {
        // SAFETY: The private area lies in the same allocation as the request, right behind it, by
        // the requirement of this function.
        unsafe { rq.add(1) }.cast()
    }

    /// The request that the driver data `data` belongs to: `blk_mq_rq_from_pdu()`.
    ///
    /// # Safety
    ///
    /// `data` must point to the `data` field of a `Pdu<T>` that lies in the private area of a
    /// `Request<T>`.
    #[inline]
    pub(super) unsafe fn request_of_data(data: *const T::RequestData) -> NonNull<Request<T>> {
        // SAFETY: `data` points to that field of a `Pdu<T>` by the requirement of this function.
        let pdu = unsafe { container_of!(data, Self, data) };
        // SAFETY: `pdu` is the private area of a request by the requirement of this function, which
        // lies right in front of it in the same allocation.
        let rq = unsafe { pdu.cast_mut().cast::<bindings::request>().sub(1) };
        // SAFETY: The request lies in front of its private area and so is not null.
        unsafe { NonNull::new_unchecked(rq.cast()) }
    }
}
