// SPDX-License-Identifier: GPL-2.0

//! Memory nodes.
//!
//! C headers: [`include/linux/nodemask.h`](srctree/include/linux/nodemask.h),
//! [`include/linux/numa.h`](srctree/include/linux/numa.h)

/// In place of a node: no preference for one.
pub const NO_NODE: i32 = bindings::NUMA_NO_NODE;

/// The number of memory nodes that are online. At least one.
///
/// May be called from any context.
///
/// # Examples
///
/// ```
/// assert!(kernel::numa::online_nodes() >= 1);
/// ```
#[inline]
pub fn online_nodes() -> u32 {
    // SAFETY: The function only reads a number.
    unsafe { bindings::num_online_nodes() as u32 }
}
