// SPDX-License-Identifier: GPL-2.0

//! A box that is set at most once.

use super::atomic::{
    Acquire,
    Atomic,
    Release, //
};
use crate::prelude::*;
use core::marker::PhantomData;

/// A cell that is empty until a [`KBox`] is stored in it, once.
///
/// It has the size of a pointer. Reading takes no lock and does not sleep. So a tree of these can
/// grow while it is read, if its nodes are never removed.
///
/// [`SetOnce`](super::SetOnce) keeps the value in itself, and while a thread sets it, others find
/// it neither missing nor set.
///
/// # Invariants
///
/// `value` is null, or came from [`KBox::into_raw`] and is owned by this. A value that is not null
/// does not change.
pub struct OnceBox<T> {
    value: Atomic<*mut T>,
    _owned: PhantomData<KBox<T>>,
}

impl<T> OnceBox<T> {
    /// Creates a box that is not set.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self {
            value: Atomic::new(core::ptr::null_mut()),
            _owned: PhantomData,
        }
    }

    /// Returns the value, if it was set. May be called in any context.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire, so that the caller sees the value as it was when it was set.
        let value = self.value.load(Acquire);
        // SAFETY: By the type invariant the pointer is null or valid, and what it points to is not
        // dropped before `self`. There are only shared references to it.
        unsafe { value.as_ref() }
    }

    /// Sets the value, unless it was set before: then drops the new one. Returns the value that is
    /// set now. It is pinned, as it stays in its box.
    ///
    /// Does not sleep, unless dropping the new value does.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::sync::OnceBox;
    ///
    /// let number = OnceBox::new();
    /// assert_eq!(number.get(), None);
    /// assert_eq!(*number.get_or_set(KBox::new(1, GFP_KERNEL)?.into()), 1);
    /// assert_eq!(*number.get_or_set(KBox::new(2, GFP_KERNEL)?.into()), 1);
    /// assert_eq!(number.get(), Some(&1));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get_or_set(&self, value: Pin<KBox<T>>) -> &T {
        // SAFETY: The value is not moved: it stays where it is until it is dropped.
        let new = KBox::into_raw(unsafe { Pin::into_inner_unchecked(value) });
        // INVARIANT: `new` came from `KBox::into_raw`, and only null is replaced. Release pairs
        // with the Acquire in `get`.
        if self
            .value
            .cmpxchg(core::ptr::null_mut(), new, Release)
            .is_err()
        {
            // SAFETY: `new` came from `KBox::into_raw`, and nothing else has it.
            drop(unsafe { KBox::from_raw(new) });
        }
        // SAFETY: The pointer is not null any more. By the type invariant it is valid, and what it
        // points to is not dropped before `self`. Acquire, as in `get`.
        unsafe { &*self.value.load(Acquire) }
    }
}

impl<T> Default for OnceBox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let value = *self.value.get_mut();
        if !value.is_null() {
            // SAFETY: By the type invariant it came from `KBox::into_raw`, and `self` owns it. It
            // is dropped where it is, as a pinned value must be.
            drop(unsafe { KBox::from_raw(value) });
        }
    }
}

// SAFETY: Sending this sends the value.
unsafe impl<T: Send> Send for OnceBox<T> {}

// SAFETY: A shared reference gives shared references to the value, and lets another thread set a
// value, which another thread may drop.
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}

#[macros::kunit_tests(rust_sync_once_box)]
mod tests {
    use super::*;
    use crate::sync::atomic::Relaxed;

    struct CountDrop<'a>(&'a Atomic<i32>);

    impl Drop for CountDrop<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// The first value is dropped with the box, and a later one at once.
    #[test]
    fn values_are_dropped_once() -> Result {
        let (first, later) = (Atomic::new(0), Atomic::new(0));
        let dropped = || (first.load(Relaxed), later.load(Relaxed));
        let once = OnceBox::new();
        assert!(once.get().is_none());

        once.get_or_set(KBox::new(CountDrop(&first), GFP_KERNEL)?.into());
        let kept = once.get_or_set(KBox::new(CountDrop(&later), GFP_KERNEL)?.into());
        assert!(core::ptr::eq(kept.0, &first));
        assert_eq!(dropped(), (0, 1));
        drop(once);
        assert_eq!(dropped(), (1, 1));

        drop(OnceBox::<CountDrop<'_>>::new());
        assert_eq!(dropped(), (1, 1));
        Ok(())
    }
}
