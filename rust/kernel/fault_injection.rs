// SPDX-License-Identifier: GPL-2.0

//! Fault injection.
//!
//! A driver has a [`FaultConfig`] for each place where an operation can fail, and calls
//! [`FaultConfig::should_fail`] there. User space configures the faults in configfs.
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

/// The attributes of fault injection: how often a fault is injected.
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
    /// Injects no faults until user space changes the attributes in configfs. Each fault is then
    /// logged with a backtrace.
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
    /// Parses `<interval>,<probability>,<space>,<times>`, as on the kernel's command line. Anything
    /// after the fourth number is ignored. The faults are not logged.
    ///
    /// An empty text means the default.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are fewer than four numbers, which the kernel logs.
    pub fn parse(text: &CStr) -> Result<Self> {
        if text.to_bytes().is_empty() {
            return Ok(Self::default());
        }
        let mut attr: bindings::fault_attr = pin_init::zeroed();
        // SAFETY: `attr` is valid for writes. The function only reads the text, which ends with a
        // null byte.
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

/// A place where faults can be injected, with attributes in configfs.
///
/// The attributes are those of a [`DefaultGroup`]. User space may change them at any time.
/// `Documentation/fault-injection/fault-injection.rst` describes them.
///
/// This wraps [`struct fault_config`](srctree/include/linux/fault-inject.h).
///
/// # Invariants
///
/// * `inner` was set up by `fault_config_init()`, and its attributes are initialized.
/// * `item_type` is the type of its item. It has `release` below. Its list of attributes is C's, or
///   `attributes`, which ends with null. Neither changes.
/// * If there is a flag `asked_for`, it is set, or `store_probability` below stores the attribute
///   `probability`, and `store` is C's function for that.
/// * The value is in an [`Arc`]. One reference to it belongs to the item until that is released.
pub struct FaultConfig {
    inner: Opaque<bindings::fault_config>,
    item_type: Opaque<bindings::config_item_type>,
    /// C's attributes, with `probability` replaced.
    attributes: Opaque<[*mut bindings::configfs_attribute; MAX_ATTRIBUTES + 1]>,
    /// The attribute `probability` in that list.
    probability: Opaque<bindings::configfs_attribute>,
    store: Option<Store>,
    asked_for: Option<&'static Atomic<bool>>,
}

/// C has up to 13 attributes.
const MAX_ATTRIBUTES: usize = 15;

/// The function that stores an attribute.
type Store =
    unsafe extern "C" fn(*mut bindings::config_item, *const crate::ffi::c_char, usize) -> isize;

// SAFETY: No part of it is bound to a thread.
unsafe impl Send for FaultConfig {}

// SAFETY: The methods on `&FaultConfig` can be called from several threads at once, also while C
// changes the attributes.
unsafe impl Sync for FaultConfig {}

impl FaultConfig {
    const ITEM_OPS: bindings::configfs_item_operations = bindings::configfs_item_operations {
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// Creates a place for faults, and the group `name` with its attributes, which start as `attr`.
    /// May sleep.
    ///
    /// The flag `asked_for`, if any, is set as soon as the probability of a fault is not zero, now
    /// or later in configfs. A driver can have one flag for all its faults, and check it first.
    /// While it is not set, [`should_fail`](Self::should_fail) returns true only in a task that
    /// uses `fail-nth`, whose count skips the calls that the driver omits.
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
        asked_for: Option<&'static Atomic<bool>>,
    ) -> Result<(Arc<Self>, DefaultGroup)> {
        let this = Arc::pin_init(Self::init(name, attr, asked_for), GFP_KERNEL)?;
        let config = this.inner.get();
        // SAFETY: The item was initialized.
        if unsafe { (*config).group.cg_item.ci_name }.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: `release` drops the reference that the item gets here.
        let _ = this.clone().into_raw();
        // SAFETY: The group is a field of a value that is not null.
        let group = unsafe { NonNull::new_unchecked(&raw mut (*config).group) };
        // SAFETY: The group is initialized and in no directory. The first reference of its item is
        // not used for anything else, and its type has `release`.
        Ok((this, unsafe { DefaultGroup::from_raw(group) }))
    }

    fn init(
        name: &'static CStr,
        attr: FaultAttr,
        asked_for: Option<&'static Atomic<bool>>,
    ) -> impl PinInit<Self, Error> {
        let init = move |slot: *mut Self| -> Result {
            // SAFETY: `slot` is valid for writes.
            unsafe { slot.cast::<u8>().write_bytes(0, size_of::<Self>()) };
            // SAFETY: `slot` is valid, and zeroes are valid values of all fields.
            let (config, item_type) = unsafe { ((*slot).inner.get(), (*slot).item_type.get()) };
            // SAFETY: `config` is valid, and is not moved from here on. C copies the name, and sets
            // the type to a static value.
            unsafe {
                bindings::fault_attr_init(&raw mut (*config).attr);
                (*config).attr.probability = attr.probability;
                (*config).attr.interval = attr.interval;
                (*config).attr.times.counter = attr.times;
                (*config).attr.space.counter = attr.space;
                (*config).attr.verbose = attr.verbose;

                bindings::fault_config_init(config, name.as_char_ptr());
                // INVARIANT: This is C's type, with a function that releases the memory.
                item_type.write(*(*config).group.cg_item.ci_type);
                (*item_type).ct_item_ops = &Self::ITEM_OPS;
                (*config).group.cg_item.ci_type = item_type;
            }
            if let Some(flag) = asked_for {
                // SAFETY: `slot` is valid, and nothing else refers to it.
                unsafe { (*slot).asked_for = asked_for };
                // INVARIANT: If `probability` can't be watched, the flag is set.
                // SAFETY: The type was copied from C's above.
                if !unsafe { Self::watch_probability(slot) } || attr.probability > 0 {
                    flag.store(true, Relaxed);
                }
            }
            Ok(())
        };
        // SAFETY: The closure initializes all fields, and does not fail. They are pinned, as `Arc`
        // pins its value.
        unsafe { pin_init::pin_init_from_closure(init) }
    }

    /// Makes `store_probability` store the attribute `probability`. Returns true if C has such an
    /// attribute.
    ///
    /// # Safety
    ///
    /// `slot` must be valid, with zeroes in `attributes`, and with C's list in `item_type`. Nothing
    /// else may refer to it.
    unsafe fn watch_probability(slot: *mut Self) -> bool {
        // SAFETY: `slot` is valid.
        let (item_type, probability) =
            unsafe { ((*slot).item_type.get(), (*slot).probability.get()) };
        // SAFETY: As above.
        let list: *mut *mut _ = unsafe { (*slot).attributes.get() }.cast();
        let mut found = false;
        for i in 0..MAX_ATTRIBUTES {
            // SAFETY: C's list ends with a null pointer, which the loop has not reached yet.
            let theirs = unsafe { *(*item_type).ct_attrs.add(i) };
            if theirs.is_null() {
                if found {
                    // INVARIANT: `list` has the same number of attributes, and ends with null.
                    // configfs uses it while the item has a directory, and so has not been
                    // released.
                    // SAFETY: Nothing else refers to the type yet.
                    unsafe { (*item_type).ct_attrs = list };
                }
                return found;
            }
            // SAFETY: C's attributes are valid, with names that end with a null byte.
            let ours = if unsafe { CStr::from_char_ptr((*theirs).ca_name) } == c"probability" {
                found = true;
                // INVARIANT: `store_probability` finds C's function in `store`.
                // SAFETY: Both attributes are valid, and nothing else refers to `slot`.
                unsafe {
                    (*slot).store = (*theirs).store;
                    *probability = *theirs;
                    (*probability).store = Some(Self::store_probability);
                }
                probability
            } else {
                theirs
            };
            // SAFETY: `i` is less than the length of `attributes`.
            unsafe { *list.add(i) = ours };
        }
        false
    }

    /// Returns true if a fault is to be injected now, in an operation of `size`. While the
    /// attribute `space` exceeds `size`, this subtracts `size` from it and injects no fault.
    ///
    /// Does not sleep. May be called in any context. Logging a fault takes time.
    #[inline]
    pub fn should_fail(&self, size: isize) -> bool {
        // SAFETY: By the type invariant the attributes are initialized.
        unsafe { bindings::should_fail(&raw mut (*self.inner.get()).attr, size) }
    }

    /// # Safety
    ///
    /// Only to be called by configfs, to store the attribute `probability` of the item of a
    /// `FaultConfig`.
    unsafe extern "C" fn store_probability(
        item: *mut bindings::config_item,
        page: *const crate::ffi::c_char,
        len: usize,
    ) -> isize {
        // SAFETY: configfs stores attributes of items that are not released.
        let this = unsafe { &*Self::of_item(item) };
        let Some(store) = this.store else {
            return EINVAL.to_errno() as isize;
        };
        // SAFETY: This is C's function for the attribute, with the arguments from configfs.
        let ret = unsafe { store(item, page, len) };
        // If several tasks store at once, the last one reads its own value.
        // SAFETY: By the type invariant the attributes are initialized. C, too, reads this one
        // while others store it.
        let probability =
            unsafe { (&raw const (*this.inner.get()).attr.probability).read_volatile() };
        if let Some(flag) = this.asked_for.filter(|_| probability > 0) {
            flag.store(true, Relaxed);
        }
        ret
    }

    /// # Safety
    ///
    /// Only to be called by configfs, once, for the item of a `FaultConfig` that has no reference
    /// left.
    unsafe extern "C" fn release(item: *mut bindings::config_item) {
        // SAFETY: `new` gave this reference to the item.
        drop(unsafe { Arc::from_raw(Self::of_item(item)) });
    }

    /// Returns the `FaultConfig` that contains an item.
    ///
    /// # Safety
    ///
    /// `item` must be the item of a `FaultConfig`.
    unsafe fn of_item(item: *mut bindings::config_item) -> *const Self {
        const OFFSET: usize =
            offset_of!(bindings::fault_config, group) + offset_of!(bindings::config_group, cg_item);
        // SAFETY: The item lies in a `fault_config`.
        let config = unsafe { item.byte_sub(OFFSET) }.cast::<bindings::fault_config>();
        // SAFETY: That lies in a `FaultConfig`.
        unsafe { container_of!(Opaque::cast_from(config), Self, inner) }
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

    /// Writes `text` to an attribute, as configfs does.
    fn write(fault: &FaultConfig, name: &CStr, text: &CStr) -> isize {
        // SAFETY: The item and its type are initialized, and do not change.
        let item = unsafe { &raw mut (*fault.inner.get()).group.cg_item };
        // SAFETY: As above. The list has an attribute of this name.
        unsafe {
            let mut list = (*(*item).ci_type).ct_attrs;
            while CStr::from_char_ptr((**list).ca_name) != name {
                list = list.add(1);
            }
            let (page, len) = (text.as_char_ptr(), text.count_bytes());
            (**list).store.map_or(0, |store| store(item, page, len))
        }
    }

    #[test]
    fn flag_is_set_with_a_probability() -> Result {
        static ASKED_FOR: Atomic<bool> = Atomic::new(false);
        let make =
            |text| FaultConfig::new(c"kunit_inject", FaultAttr::parse(text)?, Some(&ASKED_FOR));

        let (fault, _group) = make(c"1,0,0,-1")?;
        let (other, _other_group) = make(c"")?;
        assert_eq!(write(&fault, c"verbose", c"0"), 1);
        assert_eq!(write(&fault, c"times", c"3"), 1);
        assert_eq!(write(&fault, c"probability", c"0"), 1);
        assert!(!ASKED_FOR.load(Relaxed));
        assert_eq!(write(&fault, c"probability", c"100"), 3);
        assert!(ASKED_FOR.load(Relaxed));
        assert_eq!((0..10).filter(|_| fault.should_fail(1)).count(), 3);
        assert!(!other.should_fail(1));
        assert_eq!(
            write(&fault, c"probability", c"x"),
            EINVAL.to_errno() as isize
        );

        ASKED_FOR.store(false, Relaxed);
        let _ = make(c"1,100,0,-1")?;
        assert!(ASKED_FOR.load(Relaxed));
        Ok(())
    }

    #[test]
    fn group_keeps_the_memory() -> Result {
        // A name that is too long for the item, so that it is allocated.
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
