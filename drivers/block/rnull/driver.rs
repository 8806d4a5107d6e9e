// SPDX-License-Identifier: GPL-2.0

//! The driver as a type.

use core::marker::PhantomData;

/// The driver, for devices that carry out their requests by the pipeline `P` and complete them by
/// `C`.
///
/// The code for a device is chosen by these types when it is powered on, so that an I/O does not
/// pay for what is switched off. See `ops` for what it does.
pub(crate) struct NullBlk<C, P>(PhantomData<(C, P)>);
