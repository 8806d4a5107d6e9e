// SPDX-License-Identifier: GPL-2.0

//! Disks that outlive their module's values.
//!
//! A leaked [`GenDisk`](super::GenDisk) is never dropped. The block layer would call the driver
//! even after the module with the driver's code is gone. A reference to the module is no solution:
//! a module with a reference to itself can't be unloaded, and only unloading would remove its
//! disks. So each disk registers a module notifier, which removes the disk with its module.
//!
//! An open disk holds a reference to the module, which is not unloaded before the last close. But a
//! module that fails to initialize is freed regardless of references. So removing its disks waits
//! for the last close.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque, //
};
use pin_init::PinInit;

/// Removes a disk when its module is unloaded, unless the disk is dropped before.
///
/// # Invariants
///
/// * `notifier` is registered with the chain of module notifiers.
/// * `disk` is valid until the side that has claimed it puts it. While it is not claimed, it has
///   been added to the system by the time its module is unloaded.
#[pin_data(PinnedDrop)]
pub(super) struct UnloadGuard {
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
    module: *mut bindings::module,
    disk: *mut bindings::gendisk,
    /// Set by the side that removes the disk.
    claimed: Atomic<bool>,
}

// SAFETY: The guard can be dropped from any thread.
unsafe impl Send for UnloadGuard {}

// SAFETY: The method on `&UnloadGuard` is an atomic operation.
unsafe impl Sync for UnloadGuard {}

impl UnloadGuard {
    /// Returns an initializer for a guard of `disk`, whose driver is in `module`. May sleep.
    ///
    /// # Safety
    ///
    /// `disk` must be valid for as long as the guard exists, also if that is leaked, or until the
    /// guard has put it. It must be added to the system before `module` can be unloaded. The
    /// reference to it passes to the guard, unless the caller claims the disk.
    pub(super) unsafe fn new(
        module: *mut bindings::module,
        disk: *mut bindings::gendisk,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            module,
            disk,
            claimed: Atomic::new(false),
            notifier: Opaque::new(bindings::notifier_block {
                notifier_call: Some(Self::notify),
                ..pin_init::zeroed()
            }),
            // INVARIANT: The last step registers the notifier.
            _: {
                // SAFETY: The notifier is initialized, and stays in its place until `drop`.
                to_result(unsafe {
                    bindings::register_module_notifier(
                        Opaque::cast_into(&raw const (*this.as_ptr()).notifier)
                    )
                })?
            },
        })
    }

    /// Claims the disk. Returns true to one caller only, which must then remove the disk.
    ///
    /// If this returns false, dropping the guard waits until the disk has been removed and put.
    pub(super) fn claim(&self) -> bool {
        !self.claimed.xchg(true, Relaxed)
    }

    /// # Safety
    ///
    /// Only to be called by the chain of module notifiers, with the notifier of an `UnloadGuard`.
    unsafe extern "C" fn notify(
        notifier: *mut bindings::notifier_block,
        action: c_ulong,
        module: *mut c_void,
    ) -> c_int {
        // SAFETY: `notifier` is the field of a guard. The guard is not dropped before this returns,
        // because unregistering the notifier waits for the chain.
        let this = unsafe {
            &*container_of!(
                notifier.cast::<Opaque<bindings::notifier_block>>(),
                Self,
                notifier
            )
        };
        if action == bindings::module_state_MODULE_STATE_GOING as c_ulong
            && module.cast() == this.module
            // Another module may later be loaded to the same address.
            && this.claim()
        {
            pr_warn!("block: a module has left a disk behind; removing it\n");
            // SAFETY: The disk was claimed here. So by the type invariant it is valid and was
            // added, and a `GenDisk` that is dropped only now leaves it alone. The module's code is
            // still there.
            unsafe { bindings::del_gendisk(this.disk) };
            // SAFETY: The module exists until the chain has been called, and the disk until it is
            // put.
            unsafe { wait_for_last_close(this.module, this.disk) };
            // SAFETY: This is the reference that the `GenDisk` had.
            unsafe { bindings::put_disk(this.disk) };
        }
        0
    }
}

#[pinned_drop]
impl PinnedDrop for UnloadGuard {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the notifier is registered.
        unsafe { bindings::unregister_module_notifier(self.notifier.get()) };
    }
}

/// Waits until `disk` is closed, if `module` may be freed while it is open.
///
/// May sleep. To be called when the disk can no longer be opened.
///
/// # Safety
///
/// `module` must be null, for a built-in driver, or a module that is not freed before this returns.
/// `disk` must be a disk of that driver, and be valid until this returns.
pub(super) unsafe fn wait_for_last_close(
    module: *mut bindings::module,
    disk: *mut bindings::gendisk,
) {
    // SAFETY: By the requirements of this function.
    while !module.is_null() && unsafe { is_freed_while_open(module, disk) } {
        fsleep(Delta::from_millis(10));
    }
}

/// Returns true if `disk` may be open while its module, `module`, is freed.
///
/// # Safety
///
/// `module` and `disk` must be valid.
unsafe fn is_freed_while_open(module: *mut bindings::module, disk: *mut bindings::gendisk) -> bool {
    // SAFETY: `module` is valid. Its state may change at any time.
    let state = unsafe { (&raw const (*module).state).read_volatile() };
    let own = match state {
        // During the initialization the kernel holds a reference.
        bindings::module_state_MODULE_STATE_COMING => 1,
        // The initialization has failed, and the kernel has dropped its reference.
        bindings::module_state_MODULE_STATE_GOING => 0,
        _ => return false,
    };
    // A close drops the module's count last.
    #[cfg(CONFIG_MODULE_UNLOAD)]
    {
        let _ = disk;
        // SAFETY: `module` is valid.
        unsafe { bindings::module_refcount(module) > own }
    }
    // Without `CONFIG_MODULE_UNLOAD`, a close does not use the module.
    #[cfg(not(CONFIG_MODULE_UNLOAD))]
    {
        let _ = own;
        // SAFETY: `disk` is valid, and so is its first partition, which stands for the whole disk.
        unsafe { (&raw const (*(*disk).part0).bd_openers.counter).read_volatile() > 0 }
    }
}
