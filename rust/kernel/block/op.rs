// SPDX-License-Identifier: GPL-2.0

//! What an I/O is to do.
//!
//! C header: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

use crate::bindings;

/// What an I/O is to do: `enum req_op`.
///
/// # Examples
///
/// ```
/// use kernel::block::Op;
///
/// assert!(Op::WRITE.moves_data());
/// assert!(!Op::DISCARD.moves_data());
/// assert!(Op::READ.fills_memory());
/// assert!(!Op::WRITE.fills_memory());
///
/// // What a device with a cache and zones is asked for beside data.
/// for op in [Op::FLUSH, Op::SECURE_ERASE, Op::WRITE_ZEROES] {
///     assert!(!op.moves_data());
/// }
/// for op in [
///     Op::ZONE_OPEN,
///     Op::ZONE_CLOSE,
///     Op::ZONE_FINISH,
///     Op::ZONE_RESET,
///     Op::ZONE_RESET_ALL,
/// ] {
///     assert!(!op.moves_data());
/// }
/// assert!(Op::ZONE_APPEND.moves_data() && !Op::ZONE_APPEND.fills_memory());
///
/// // A driver's own commands. As everywhere, odd numbers write.
/// assert!(Op::DRV_IN.fills_memory() && !Op::DRV_OUT.fills_memory());
/// assert_eq!(Op::DRV_OUT.as_raw() % 2, 1);
/// ```
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
    /// The data of some sectors is not needed any more.
    pub const DISCARD: Self = Self(bindings::req_op_REQ_OP_DISCARD as u8);
    /// The data of some sectors must not be readable any more.
    pub const SECURE_ERASE: Self = Self(bindings::req_op_REQ_OP_SECURE_ERASE as u8);
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
    /// Write zeroes, without the zeroes being in memory.
    pub const WRITE_ZEROES: Self = Self(bindings::req_op_REQ_OP_WRITE_ZEROES as u8);
    /// A command of the driver's own that reads data.
    pub const DRV_IN: Self = Self(bindings::req_op_REQ_OP_DRV_IN as u8);
    /// A command of the driver's own that writes data.
    pub const DRV_OUT: Self = Self(bindings::req_op_REQ_OP_DRV_OUT as u8);

    /// The operation in a request's or bio's flags.
    #[inline]
    pub(super) fn from_flags(flags: bindings::blk_opf_t) -> Self {
        Self((flags & ((1 << bindings::REQ_OP_BITS) - 1)) as u8)
    }

    /// The value of the C enumeration, `enum req_op`.
    #[inline]
    pub fn as_raw(self) -> u32 {
        self.0.into()
    }

    /// Whether there is memory that the data is moved from or to.
    #[inline]
    pub fn moves_data(self) -> bool {
        matches!(
            self,
            Self::READ | Self::WRITE | Self::ZONE_APPEND | Self::DRV_IN | Self::DRV_OUT
        )
    }

    /// Whether the data is moved from the device to memory.
    #[inline]
    pub fn fills_memory(self) -> bool {
        matches!(self, Self::READ | Self::DRV_IN)
    }
}
