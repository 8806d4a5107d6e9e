// SPDX-License-Identifier: GPL-2.0

//! NUMA nodes.
//!
//! C headers: [`include/linux/nodemask.h`](srctree/include/linux/nodemask.h),
//! [`include/linux/numa.h`](srctree/include/linux/numa.h)

/// Stands for any node: `NUMA_NO_NODE`.
pub const NO_NODE: i32 = bindings::NUMA_NO_NODE;

/// Returns true if the NUMA node `node` is online. `node` may be any number.
///
/// May be called from any context.
#[inline]
pub fn is_online(node: i32) -> bool {
    // SAFETY: The function takes any number.
    unsafe { bindings::node_is_online(node) }
}

/// Returns the number of NUMA nodes that are online, which is at least one.
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
