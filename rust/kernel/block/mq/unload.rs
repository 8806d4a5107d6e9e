// SPDX-License-Identifier: GPL-2.0

//! Disks that are left behind by their module.
//!
//! A [`GenDisk`](super::GenDisk) that is leaked is never removed, and the block layer would go on
//! calling the driver when the module with the driver's code is gone. A reference to the module is
//! no help: a module that has one to itself can't be unloaded, although unloading is what removes
//! its disks. So each disk registers a module notifier, which removes the disk with its module.
//!
//! An open disk holds a reference to the module, which is not unloaded before the last close. But a
//! module that fails to initialize is freed without regard to references, so removing its disks
//! waits for the last close.
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

/// Removes a disk when its module goes, unless it is dropped before.
///
/// # Invariants
///
/// * `notifier` is registered with the chain of modules.
/// * `disk` is valid until the side that has claimed it puts it. If it is not claimed, it is added
///   to the system when its module goes.
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
    /// Returns an initializer for a guard over `disk`, whose code is in `module`. May sleep.
    ///
    /// # Safety
    ///
    /// `disk` must be valid for as long as the guard exists, also if that is leaked, or until the
    /// guard has put it, and be added to the system before `module` can go. The reference to it
    /// passes to the guard, unless the caller claims the disk.
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

    /// Claims the disk. Returns true to one caller only, which then removes the disk.
    ///
    /// After a false, dropping the guard waits until the disk has been removed and put.
    pub(super) fn claim(&self) -> bool {
        !self.claimed.xchg(true, Relaxed)
    }

    /// # Safety
    ///
    /// Only to be called by the chain of modules, with the notifier of an `UnloadGuard`.
    unsafe extern "C" fn notify(
        notifier: *mut bindings::notifier_block,
        action: c_ulong,
        module: *mut c_void,
    ) -> c_int {
        // SAFETY: `notifier` is the field of a guard, which is not dropped before this returns:
        // unregistering the notifier waits for the chain.
        let this = unsafe {
            &*container_of!(
                notifier.cast::<Opaque<bindings::notifier_block>>(),
                Self,
                notifier
            )
        };
        if action == bindings::module_state_MODULE_STATE_GOING as c_ulong
            && module.cast() == this.module
            // Another module may be loaded to the same place later.
            && this.claim()
        {
            pr_warn!("block: a module has left a disk behind; removing it\n");
            // SAFETY: The disk was claimed here, so that by the type invariant it is valid and was
            // added, and a `GenDisk` that is dropped only now leaves it alone. The module's code is
            // still there.
            unsafe { bindings::del_gendisk(this.disk) };
            // SAFETY: The module is there until the chain has been called, and the disk until it is
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

/// Waits until `disk` is not open, if `module` may be freed without waiting for that.
///
/// May sleep. To be called when the disk can't be opened any more.
///
/// # Safety
///
/// `module` must be null, which stands for a driver that is built in, or a module that is not freed
/// before this returns, and `disk` a disk of it.
pub(super) unsafe fn wait_for_last_close(
    module: *mut bindings::module,
    disk: *mut bindings::gendisk,
) {
    // SAFETY: By the requirements of this function.
    while !module.is_null() && unsafe { is_freed_while_open(module, disk) } {
        fsleep(Delta::from_millis(10));
    }
}

/// Whether `disk` may be open and `module`, whose disk it is, freed nonetheless.
///
/// # Safety
///
/// `module` and `disk` must be valid.
unsafe fn is_freed_while_open(module: *mut bindings::module, disk: *mut bindings::gendisk) -> bool {
    // SAFETY: `module` is valid. The state may change at any time.
    let state = unsafe { (&raw const (*module).state).read_volatile() };
    let own = match state {
        // A reference is held for the time of the initialization.
        bindings::module_state_MODULE_STATE_COMING => 1,
        // It has been dropped when the initialization failed.
        bindings::module_state_MODULE_STATE_GOING => 0,
        _ => return false,
    };
    // The module's own count is what a close drops last.
    #[cfg(CONFIG_MODULE_UNLOAD)]
    {
        let _ = disk;
        // SAFETY: `module` is valid.
        unsafe { bindings::module_refcount(module) > own }
    }
    // Without it a close does not use the module.
    #[cfg(not(CONFIG_MODULE_UNLOAD))]
    {
        let _ = own;
        // SAFETY: `disk` is valid, and so is its first partition, which stands for the whole.
        unsafe { (&raw const (*(*disk).part0).bd_openers.counter).read_volatile() > 0 }
    }
}
