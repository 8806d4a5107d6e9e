// SPDX-License-Identifier: GPL-2.0

//! Operations, and their flags.
//!
//! C header: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

use crate::bindings;

/// The operation of an I/O: `enum req_op`.
///
/// The constants are the operations that the block layer sends to disks of these abstractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Op(u8);

impl Op {
    /// Read data.
    pub const READ: Self = Self(bindings::req_op_REQ_OP_READ as u8);
    /// Write data.
    pub const WRITE: Self = Self(bindings::req_op_REQ_OP_WRITE as u8);
    /// Write out the device's volatile cache.
    pub const FLUSH: Self = Self(bindings::req_op_REQ_OP_FLUSH as u8);
    /// Forget the data of some sectors.
    pub const DISCARD: Self = Self(bindings::req_op_REQ_OP_DISCARD as u8);
    /// Write data at a zone's write pointer.
    pub const ZONE_APPEND: Self = Self(bindings::req_op_REQ_OP_ZONE_APPEND as u8);
    /// Open a zone.
    pub const ZONE_OPEN: Self = Self(bindings::req_op_REQ_OP_ZONE_OPEN as u8);
    /// Close a zone.
    pub const ZONE_CLOSE: Self = Self(bindings::req_op_REQ_OP_ZONE_CLOSE as u8);
    /// Make a zone full.
    pub const ZONE_FINISH: Self = Self(bindings::req_op_REQ_OP_ZONE_FINISH as u8);
    /// Make a zone empty.
    pub const ZONE_RESET: Self = Self(bindings::req_op_REQ_OP_ZONE_RESET as u8);
    /// Make all zones empty.
    pub const ZONE_RESET_ALL: Self = Self(bindings::req_op_REQ_OP_ZONE_RESET_ALL as u8);
    /// Write zeroes. The request has no data in memory.
    pub const WRITE_ZEROES: Self = Self(bindings::req_op_REQ_OP_WRITE_ZEROES as u8);

    /// Extracts the operation from the flags of a request or bio.
    #[inline]
    pub(super) fn from_flags(flags: bindings::blk_opf_t) -> Self {
        Self((flags & ((1 << bindings::REQ_OP_BITS) - 1)) as u8)
    }

    /// Returns the value of `enum req_op`.
    #[inline]
    pub fn as_raw(self) -> u32 {
        self.0.into()
    }

    /// Returns true if the operation moves data from or to memory.
    #[inline]
    pub fn moves_data(self) -> bool {
        matches!(self, Self::READ | Self::WRITE | Self::ZONE_APPEND)
    }

    /// Returns true if the operation moves data from the device to memory.
    #[inline]
    pub fn fills_memory(self) -> bool {
        self == Self::READ
    }
}

/// The flags of an I/O: `blk_opf_t`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct OpFlags(bindings::blk_opf_t);

impl OpFlags {
    #[inline]
    pub(super) fn new(flags: bindings::blk_opf_t) -> Self {
        Self(flags)
    }

    /// Returns true if the data must be in non-volatile storage when the I/O ends, and not just in
    /// the device's cache (`REQ_FUA`).
    ///
    /// The block layer asks for this only if the disk supports it:
    /// [`GenDiskBuilder::fua`](super::mq::GenDiskBuilder::fua).
    #[inline]
    pub fn is_fua(self) -> bool {
        self.has(bindings::req_flag_bits___REQ_FUA)
    }

    /// Returns true if the device must keep the storage of sectors to which it writes zeroes, so
    /// that later writes to them do not run out of space (`REQ_NOUNMAP`).
    #[inline]
    pub fn is_nounmap(self) -> bool {
        self.has(bindings::req_flag_bits___REQ_NOUNMAP)
    }

    /// Returns true if a write must be done as a whole or not at all (`REQ_ATOMIC`).
    ///
    /// The block layer asks for this only if the disk supports it:
    /// [`GenDiskBuilder::atomic_writes`](super::mq::GenDiskBuilder::atomic_writes).
    #[inline]
    pub fn is_atomic(self) -> bool {
        self.has(bindings::req_flag_bits___REQ_ATOMIC)
    }

    #[inline]
    fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }
}
