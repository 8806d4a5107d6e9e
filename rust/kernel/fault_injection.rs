// SPDX-License-Identifier: GPL-2.0

//! Faults on request.
//!
//! A driver asks a [`FaultConfig`] at the place where something can go wrong, and lets it go wrong
//! if told to. How often that is, is set in configfs.
//!
//! C header: [`include/linux/fault-inject.h`](srctree/include/linux/fault-inject.h)

use crate::{
    bindings,
    configfs::DefaultGroup,
    container_of,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque, //
};
use core::{
    mem::offset_of,
    ptr::NonNull, //
};
use pin_init::PinInit;

/// How often there is to be a fault.
///
/// # Examples
///
/// ```
/// use kernel::fault_injection::FaultAttr;
///
/// // Interval, probability in percent, space and times: each time, without end.
/// let always = FaultAttr::parse(c"1,100,0,-1")?;
/// assert_ne!(always, FaultAttr::default());
/// assert_eq!(FaultAttr::parse(c""), Ok(FaultAttr::default()));
/// assert_eq!(FaultAttr::parse(c"1,100"), Err(EINVAL));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultAttr {
    probability: usize,
    interval: usize,
    times: i32,
    space: i32,
    verbose: usize,
}

impl Default for FaultAttr {
    /// No fault ever; that is, until the attributes are changed in configfs. Each fault is logged
    /// with a backtrace then.
    fn default() -> Self {
        Self {
            probability: 0,
            interval: 1,
            times: 1,
            space: 0,
            verbose: 2,
        }
    }
}

impl FaultAttr {
    /// Reads `<interval>,<probability>,<space>,<times>`, as on the kernel's command line. What
    /// follows is ignored. Faults are not logged then.
    ///
    /// An empty text stands for the default.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are less than four numbers; the kernel logs that.
    pub fn parse(text: &CStr) -> Result<Self> {
        if text.to_bytes().is_empty() {
            return Ok(Self::default());
        }
        let mut attr: bindings::fault_attr = pin_init::zeroed();
        // SAFETY: `attr` is valid for writes. The text, which ends with a null byte, is only read.
        let parsed =
            unsafe { bindings::setup_fault_attr(&mut attr, text.as_char_ptr().cast_mut()) };
        if parsed == 0 {
            return Err(EINVAL);
        }
        Ok(Self {
            probability: attr.probability,
            interval: attr.interval,
            times: attr.times.counter,
            space: attr.space.counter,
            verbose: 0,
        })
    }
}

/// A place where there can be faults on request, with attributes in configfs.
///
/// The attributes are those of a [`DefaultGroup`], and may be changed at any time. They are
/// described in `Documentation/fault-injection/fault-injection.rst`.
///
/// This wraps [`struct fault_config`](srctree/include/linux/fault-inject.h).
///
/// # Invariants
///
/// * `inner` was set up by `fault_config_init()`, with attributes that are initialized.
/// * `item_type` is the type of its item. It has `release` below, and does not change.
/// * The value is in an [`Arc`], one reference to which belongs to the item until it is released.
pub struct FaultConfig {
    inner: Opaque<bindings::fault_config>,
    item_type: Opaque<bindings::config_item_type>,
}

// SAFETY: Nothing of it is bound to a thread.
unsafe impl Send for FaultConfig {}

// SAFETY: The methods on `&FaultConfig` can be called from several threads at once, also while C
// changes the attributes.
unsafe impl Sync for FaultConfig {}

impl FaultConfig {
    const ITEM_OPS: bindings::configfs_item_operations = bindings::configfs_item_operations {
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// Makes a place for faults, and the group `name` for its attributes, which begin as `attr`.
    /// May sleep.
    ///
    /// If there is a flag `possible`, it is set once there can be a fault: at once or when the
    /// attributes are changed. Until then [`should_fail`](Self::should_fail) need not be called.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there is not enough memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::fault_injection::{FaultAttr, FaultConfig};
    ///
    /// let attr = FaultAttr::parse(c"1,100,0,2")?;
    /// let (fault, group) = FaultConfig::new(c"write_inject", attr, None)?;
    /// assert!(fault.should_fail(1));
    /// assert!(fault.should_fail(1));
    /// assert!(!fault.should_fail(1));
    /// // This belongs into `Group::with_default_groups`.
    /// drop(group);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(
        name: &'static CStr,
        attr: FaultAttr,
        possible: Option<&'static Atomic<bool>>,
    ) -> Result<(Arc<Self>, DefaultGroup)> {
        let this = Arc::pin_init(Self::init(name, attr, possible), GFP_KERNEL)?;
        let config = this.inner.get();
        // SAFETY: The item was initialized.
        if unsafe { (*config).group.cg_item.ci_name }.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: `release` takes back what is given to the item here.
        let _ = this.clone().into_raw();
        // SAFETY: The group is a field of what is not null.
        let group = unsafe { NonNull::new_unchecked(&raw mut (*config).group) };
        // SAFETY: The group is initialized and in no directory. Its item's first reference is not
        // used for anything else, and its type has `release`.
        Ok((this, unsafe { DefaultGroup::from_raw(group) }))
    }

    fn init(
        name: &'static CStr,
        attr: FaultAttr,
        possible: Option<&'static Atomic<bool>>,
    ) -> impl PinInit<Self, Error> {
        let init = move |slot: *mut Self| -> Result {
            if let Some(possible) = possible.filter(|_| attr.probability > 0) {
                possible.store(true, Relaxed);
            }
            // SAFETY: `slot` is valid for writes.
            unsafe { slot.cast::<u8>().write_bytes(0, size_of::<Self>()) };
            // SAFETY: `slot` is valid, and zeroes are valid values of both fields.
            let (config, item_type) = unsafe { ((*slot).inner.get(), (*slot).item_type.get()) };
            // SAFETY: `config` is valid, and stays in its place from here on. C copies the name.
            // The type that it sets is a static value.
            unsafe {
                bindings::fault_attr_init(&raw mut (*config).attr);
                (*config).attr.probability = attr.probability;
                (*config).attr.interval = attr.interval;
                (*config).attr.times.counter = attr.times;
                (*config).attr.space.counter = attr.space;
                (*config).attr.verbose = attr.verbose;

                bindings::fault_config_init(config, name.as_char_ptr());
                // C writes to the flag as to one that others read at the same time.
                (*config).possible = possible.map_or(core::ptr::null_mut(), Atomic::as_ptr);
                // INVARIANT: This is C's type, with a function to release the memory.
                item_type.write(*(*config).group.cg_item.ci_type);
                (*item_type).ct_item_ops = &Self::ITEM_OPS;
                (*config).group.cg_item.ci_type = item_type;
            }
            Ok(())
        };
        // SAFETY: The closure initializes all fields, and does not fail. They are pinned, as `Arc`
        // does it.
        unsafe { pin_init::pin_init_from_closure(init) }
    }

    /// Whether there is to be a fault now, in something of `size`; a fault comes when `space` is
    /// used up.
    ///
    /// Does not sleep. May be called in any context; faults that are logged take the time of that.
    #[inline]
    pub fn should_fail(&self, size: isize) -> bool {
        // SAFETY: By the type invariant the attributes are initialized.
        unsafe { bindings::should_fail(&raw mut (*self.inner.get()).attr, size) }
    }

    /// # Safety
    ///
    /// Only to be called by configfs, once, for the item of a `FaultConfig` that nobody refers to
    /// any more.
    unsafe extern "C" fn release(item: *mut bindings::config_item) {
        const OFFSET: usize =
            offset_of!(bindings::fault_config, group) + offset_of!(bindings::config_group, cg_item);
        // SAFETY: The item lies in a `fault_config`.
        let config = unsafe { item.byte_sub(OFFSET) }.cast::<bindings::fault_config>();
        // SAFETY: That lies in a `FaultConfig`.
        let this = unsafe { container_of!(Opaque::cast_from(config), Self, inner) };
        // SAFETY: `new` has given this reference to the item.
        drop(unsafe { Arc::from_raw(this) });
    }
}

#[cfg(CONFIG_RUST_FAULT_INJECTION_KUNIT_TEST)]
#[macros::kunit_tests(rust_fault_injection)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let attr = FaultAttr {
            probability: 20,
            interval: 3,
            times: -1,
            space: 40,
            verbose: 0,
        };
        assert_eq!(FaultAttr::parse(c"3,20,40,-1"), Ok(attr));
        assert_eq!(FaultAttr::parse(c"3,20,40,-1,5"), Ok(attr));
        assert_eq!(FaultAttr::parse(c""), Ok(FaultAttr::default()));
        for text in [c"3", c"3,20,40", c"x", c",,,", c"3,20,40,x"] {
            assert_eq!(FaultAttr::parse(text), Err(EINVAL));
        }
    }

    #[test]
    fn faults_come_as_set() -> Result {
        let failures = |text| -> Result<usize> {
            let (fault, _group) = FaultConfig::new(c"kunit_inject", FaultAttr::parse(text)?, None)?;
            Ok((0..100).filter(|_| fault.should_fail(1)).count())
        };
        assert_eq!(failures(c"")?, 0);
        assert_eq!(failures(c"1,0,0,-1")?, 0);
        assert_eq!(failures(c"1,100,0,-1")?, 100);
        assert_eq!(failures(c"1,100,0,7")?, 7);
        assert_eq!(failures(c"10,100,0,-1")?, 10);
        Ok(())
    }

    #[test]
    fn group_keeps_the_memory() -> Result {
        // A name that does not fit the item, so that it is allocated.
        let name = c"a_name_that_is_longer_than_twenty";
        let (fault, group) = FaultConfig::new(name, FaultAttr::default(), None)?;
        // The item has a reference, too.
        assert!(Arc::into_unique_or_drop(fault).is_none());
        drop(group);

        let (fault, group) = FaultConfig::new(name, FaultAttr::default(), None)?;
        drop(group);
        assert!(Arc::into_unique_or_drop(fault).is_some());
        Ok(())
    }
}
