// SPDX-License-Identifier: GPL-2.0

//! The result of an I/O.
//!
//! C header: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

use crate::{
    bindings,
    error::Error,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// The result of an I/O, which the block layer passes to the submitter: `blk_status_t`.
///
/// The block layer turns it into an errno for user space. It also retries, fails over or gives up
/// according to it. So a driver returns the status that describes the failure, and does not choose
/// it by the errno that user space gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Status(bindings::blk_status_t);

impl Status {
    /// The I/O succeeded.
    pub const OK: Self = Self(bindings::BLK_STS_OK as bindings::blk_status_t);
    /// The device has no such operation (`EOPNOTSUPP`).
    pub const NOTSUPP: Self = Self(bindings::BLK_STS_NOTSUPP);
    /// The device did not complete the I/O in time (`ETIMEDOUT`).
    pub const TIMEOUT: Self = Self(bindings::BLK_STS_TIMEOUT);
    /// The device has no room (`ENOSPC`).
    pub const NOSPC: Self = Self(bindings::BLK_STS_NOSPC);
    /// The path to the device is broken; another path may work (`ENOLINK`).
    pub const TRANSPORT: Self = Self(bindings::BLK_STS_TRANSPORT);
    /// The device failed, and a retry does not help (`EREMOTEIO`).
    pub const TARGET: Self = Self(bindings::BLK_STS_TARGET);
    /// The medium is damaged at this place (`ENODATA`).
    pub const MEDIUM: Self = Self(bindings::BLK_STS_MEDIUM);
    /// A checksum does not match the data (`EILSEQ`).
    pub const PROTECTION: Self = Self(bindings::BLK_STS_PROTECTION);
    /// A resource that any I/O may need is exhausted for now (`ENOMEM`). A driver refuses requests
    /// with it: see [`OwnedRequest::refuse`](super::mq::OwnedRequest::refuse).
    pub const RESOURCE: Self = Self(bindings::BLK_STS_RESOURCE);
    /// Any other failure (`EIO`).
    pub const IOERR: Self = Self(bindings::BLK_STS_IOERR);
    /// The I/O would have to wait, and its submitter asked for no waiting (`EAGAIN`).
    pub const AGAIN: Self = Self(bindings::BLK_STS_AGAIN);
    /// A resource of this device is exhausted until another of its I/Os ends (`EBUSY`). A driver
    /// refuses requests with it, as with [`RESOURCE`](Self::RESOURCE).
    pub const DEV_RESOURCE: Self = Self(bindings::BLK_STS_DEV_RESOURCE);
    /// The I/O would exceed the device's limit of open zones (`ETOOMANYREFS`).
    pub const ZONE_OPEN_RESOURCE: Self = Self(bindings::BLK_STS_ZONE_OPEN_RESOURCE);
    /// The I/O would exceed the device's limit of active zones, open or closed (`EOVERFLOW`).
    pub const ZONE_ACTIVE_RESOURCE: Self = Self(bindings::BLK_STS_ZONE_ACTIVE_RESOURCE);
    /// The device is offline (`ENODEV`).
    pub const OFFLINE: Self = Self(bindings::BLK_STS_OFFLINE);
    /// The request itself is wrong (`EINVAL`).
    pub const INVAL: Self = Self(bindings::BLK_STS_INVAL);

    /// Returns true if the I/O succeeded.
    #[inline]
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// Returns the value that C code stores.
    #[inline]
    pub(crate) fn into_raw(self) -> bindings::blk_status_t {
        self.0
    }
}

/// A [`Status`] that several CPUs may access, such as that of a
/// [`Request`](super::mq::Request::status).
///
/// All accesses are relaxed. Whatever orders the accesses to a request, such as parking and
/// claiming it, orders these, too.
pub struct AtomicStatus(Atomic<i8>);

impl AtomicStatus {
    /// Makes an atomic status with the value `status`.
    pub const fn new(status: Status) -> Self {
        Self(Atomic::new(status.0 as i8))
    }

    /// Returns the status.
    #[inline]
    pub fn load(&self) -> Status {
        Status(self.0.load(Relaxed) as bindings::blk_status_t)
    }

    /// Stores `status`.
    #[inline]
    pub fn store(&self, status: Status) {
        self.0.store(status.0 as i8, Relaxed);
    }
}

impl From<Error> for Status {
    /// Translates as `errno_to_blk_status()` does: an errno without a status of its own becomes
    /// [`Status::IOERR`].
    fn from(error: Error) -> Self {
        Self(error.to_blk_status())
    }
}
