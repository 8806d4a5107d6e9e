// SPDX-License-Identifier: GPL-2.0

//! The driver as a type, and what a device of it has for all its requests.

use core::marker::PhantomData;

/// The driver, for devices that complete their requests by `C`.
///
/// See `ops` for what it does.
pub(crate) struct NullBlk<C>(PhantomData<C>);

/// What is the same for all requests of a device.
pub(crate) struct QueueData {
    /// How long a request takes, in nanoseconds.
    pub(crate) completion_nsec: i64,
}
