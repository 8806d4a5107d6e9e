// SPDX-License-Identifier: GPL-2.0

//! The module parameters that are checked, converted or replaced. `/sys/module` shows them as
//! given.

use crate::module_parameters as given;
#[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
use kernel::fault_injection::FaultAttr;
use kernel::{
    block::mq::TagSetBuilder,
    fmt::{
        self,
        Write, //
    },
    module_param::{
        ModuleParam,
        ModuleParamAccess, //
    },
    numa,
    page::PAGE_SIZE,
    prelude::*,
    str::kstrtoll, //
};

/// A parameter that is a number from zero to `MAX`. Everything else is refused with `EINVAL`.
#[derive(Clone, Copy)]
pub(crate) struct Choice<const MAX: u32>(u32);

impl<const MAX: u32> Choice<MAX> {
    pub(crate) const fn new(value: u32) -> Self {
        assert!(value <= MAX);
        Self(value)
    }
}

impl<const MAX: u32> ModuleParam for Choice<MAX> {
    fn try_from_param_arg(text: &CStr) -> Result<Self> {
        match kstrtoll(text, 10).map(u32::try_from) {
            Ok(Ok(value)) if value <= MAX => Ok(Self(value)),
            _ => Err(EINVAL),
        }
    }

    fn show(&self, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Returns the value of a parameter.
// Not inlined, because a device has many settings.
#[inline(never)]
pub(crate) fn get<T: Copy>(param: &ModuleParamAccess<T>) -> T {
    *param.value_ref()
}

/// Checks the parameters when the module is loaded.
///
/// Logs a warning for each value that is replaced. The functions below return the replacements.
///
/// # Errors
///
/// `EINVAL` for values that prevent loading.
pub(crate) fn check() -> Result {
    if is_too_large(*given::bs.value_ref()) {
        pr_warn!("invalid block size\n");
        pr_warn!("defaults block size to {}\n", PAGE_SIZE);
    }
    if !is_node(*given::home_node.value_ref()) {
        pr_err!("invalid home_node value\n");
    }
    // In null_blk, a device has `submit_queues` more hardware queues than this, which may be none.
    if *given::poll_queues.value_ref() < 0 {
        pr_err!("poll_queues must not be negative\n");
        return Err(EINVAL);
    }
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    {
        timeout()?;
        requeue()?;
        init_hctx()?;
    }
    if queue_mode() == 1 {
        pr_err!("legacy IO path is no longer available\n");
        return Err(EINVAL);
    }
    if *given::use_per_node_hctx.value_ref()
        && *given::submit_queues.value_ref() != numa::online_nodes() as i32
    {
        pr_warn!("submit_queues param is set to {}.\n", numa::online_nodes());
    }
    Ok(())
}

/// Compares as null_blk does, where the block size is unsigned.
fn is_too_large(block_size: i32) -> bool {
    block_size as u32 as usize > PAGE_SIZE
}

fn is_node(node: i32) -> bool {
    // As in null_blk, other negative numbers are too large.
    node == numa::NO_NODE || (node as u32) < numa::online_nodes()
}

/// Returns `nr_devices`, the number of devices to create when the module is loaded.
pub(crate) fn devices() -> u32 {
    *given::nr_devices.value_ref()
}

/// Returns `bs` in bytes, or the size of a page if that is less.
pub(crate) fn block_size() -> u32 {
    let block_size = *given::bs.value_ref();
    if is_too_large(block_size) {
        PAGE_SIZE as u32
    } else {
        block_size as u32
    }
}

/// Returns `gb` in MiB. Negative values become sizes that are too large, which power-on refuses.
pub(crate) fn size() -> u64 {
    (i64::from(*given::gb.value_ref()) * 1024) as u64
}

/// Returns `home_node`, or [`numa::NO_NODE`] if there is no such node.
pub(crate) fn home_node() -> u32 {
    let node = *given::home_node.value_ref();
    (if is_node(node) { node } else { numa::NO_NODE }) as u32
}

/// Returns `submit_queues`, limited to the number of CPUs, or the number of NUMA nodes with
/// `use_per_node_hctx`.
pub(crate) fn submit_queues() -> u32 {
    if *given::use_per_node_hctx.value_ref() {
        numa::online_nodes()
    } else {
        // As in null_blk, negative numbers are too large.
        (*given::submit_queues.value_ref() as u32).clamp(1, kernel::cpu::nr_cpu_ids())
    }
}

/// Returns `poll_queues`, which is not negative, limited to what the block layer allows.
pub(crate) fn poll_queues() -> u32 {
    (*given::poll_queues.value_ref() as u32).min(TagSetBuilder::MAX_POLL_QUEUES)
}

/// Returns `no_sched`.
pub(crate) fn no_sched() -> bool {
    *given::no_sched.value_ref() != 0
}

/// Returns `queue_mode`.
pub(crate) fn queue_mode() -> u32 {
    given::queue_mode.value_ref().0
}

/// Returns `irqmode`.
pub(crate) fn irqmode() -> u32 {
    given::irqmode.value_ref().0
}

/// Defines a function for each fault injection parameter.
macro_rules! fault_attributes {
    ($($name:ident,)*) => {
        $(
            #[doc = concat!("Returns `", stringify!($name), "`.")]
            #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
            pub(crate) fn $name() -> Result<FaultAttr> {
                FaultAttr::parse(given::$name.value_ref().as_cstr())
            }
        )*
    };
}

fault_attributes! {
    timeout,
    requeue,
    init_hctx,
}
