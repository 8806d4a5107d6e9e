// SPDX-License-Identifier: GPL-2.0

//! Trace events: `rnull:zone_op` and `rnull:report_zones`.
//!
//! A disabled event costs one NOP instruction.
//!
//! C header: [`include/trace/events/rnull.h`](srctree/include/trace/events/rnull.h)

use kernel::{
    block::{
        Op,
        ZoneCond, //
    },
    prelude::*, //
};

#[cfg(CONFIG_BLK_DEV_ZONED)]
mod events {
    use kernel::{
        ffi::{
            c_char,
            c_uint, //
        },
        tracepoint::declare_trace, //
    };

    declare_trace! {
        /// # Safety
        ///
        /// `disk` must point to a string.
        pub(super) unsafe fn zone_op(
            disk: *const c_char,
            op: c_uint,
            zone_no: c_uint,
            zone_cond: c_uint,
        );
        /// # Safety
        ///
        /// `disk` must point to a string.
        pub(super) unsafe fn report_zones(disk: *const c_char, nr_zones: c_uint);
    }
}

/// Traces an operation on a zone of the disk named `disk`.
#[cfg(CONFIG_BLK_DEV_ZONED)]
#[inline(always)]
pub(crate) fn zone_op(disk: &CStr, op: Op, zone_no: u32, cond: ZoneCond) {
    // SAFETY: `disk` is a string for the duration of the call.
    unsafe { events::zone_op(disk.as_char_ptr(), op.as_raw(), zone_no, cond as u32) }
}

/// Traces a report of `nr_zones` zones of the disk named `disk`.
#[cfg(CONFIG_BLK_DEV_ZONED)]
#[inline(always)]
pub(crate) fn report_zones(disk: &CStr, nr_zones: u32) {
    // SAFETY: `disk` is a string for the duration of the call.
    unsafe { events::report_zones(disk.as_char_ptr(), nr_zones) }
}

/// There is no such event without `CONFIG_BLK_DEV_ZONED`.
#[cfg(not(CONFIG_BLK_DEV_ZONED))]
#[inline(always)]
pub(crate) fn zone_op(_disk: &CStr, _op: Op, _zone_no: u32, _cond: ZoneCond) {}

/// There is no such event without `CONFIG_BLK_DEV_ZONED`.
#[cfg(not(CONFIG_BLK_DEV_ZONED))]
#[inline(always)]
pub(crate) fn report_zones(_disk: &CStr, _nr_zones: u32) {}
