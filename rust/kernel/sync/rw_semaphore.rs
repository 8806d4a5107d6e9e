// SPDX-License-Identifier: GPL-2.0

//! A lock that is held by one writer or any number of readers.
//!
//! C header: [`include/linux/rwsem.h`](srctree/include/linux/rwsem.h)

use super::LockClassKey;
use crate::{
    bindings,
    prelude::*,
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};
use core::{
    cell::UnsafeCell,
    ops::{
        Deref,
        DerefMut, //
    },
};

/// Creates an initializer for a [`RwSemaphore`] with a lock class of its own.
///
/// Without a name, it gets one from the place in the source.
#[macro_export]
macro_rules! new_rw_semaphore {
    ($inner:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::RwSemaphore::new(
            $inner, $crate::optional_name!($($name)?), $crate::static_lock_class!())
    };
}
pub use new_rw_semaphore;

/// A lock that is held by one writer or any number of readers: `struct rw_semaphore`.
///
/// Locking it may sleep. A thread that holds it must not lock it again, not even for reading: the
/// second reader waits for a writer that waits for the first one. A guard that is leaked
/// (`mem::forget`) keeps it locked.
///
/// # Invariants
///
/// `semaphore` is initialized. It is held for writing while there is a guard that
/// [`Self::write`] returned, and for reading, once for each guard, while there are guards that
/// [`Self::read`] returned.
///
/// # Examples
///
/// ```
/// use kernel::sync::{new_rw_semaphore, RwSemaphore};
///
/// let numbers = KBox::pin_init(new_rw_semaphore!((1, 2), "numbers"), GFP_KERNEL)?;
/// {
///     let mut numbers = numbers.write();
///     *numbers = (numbers.1, numbers.0);
/// }
/// assert_eq!(*numbers.read(), (2, 1));
/// # Ok::<(), Error>(())
/// ```
#[pin_data]
pub struct RwSemaphore<T> {
    #[pin]
    semaphore: Opaque<bindings::rw_semaphore>,
    data: UnsafeCell<T>,
}

// SAFETY: Sending this sends the data.
unsafe impl<T: Send> Send for RwSemaphore<T> {}

// SAFETY: Readers share references to the data, and a writer can move the data to another thread.
unsafe impl<T: Send + Sync> Sync for RwSemaphore<T> {}

impl<T> RwSemaphore<T> {
    /// Returns an initializer for a lock that nobody holds. See [`new_rw_semaphore!`].
    pub fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        // INVARIANT: `__init_rwsem()` initializes the semaphore, and there are no guards.
        pin_init!(Self {
            data: UnsafeCell::new(data),
            // SAFETY: `slot` is valid for writes. The name and the key are static, and the key is
            // pinned.
            semaphore <- Opaque::ffi_init(|slot| unsafe {
                bindings::__init_rwsem(slot, name.as_char_ptr(), key.as_ptr())
            }),
        })
    }

    /// Locks for reading. May sleep.
    pub fn read(&self) -> ReadGuard<'_, T> {
        // SAFETY: By the type invariant the semaphore is initialized.
        unsafe { bindings::down_read(self.semaphore.get()) };
        // INVARIANT: It was locked for reading just now.
        ReadGuard {
            lock: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Locks for writing. May sleep.
    pub fn write(&self) -> WriteGuard<'_, T> {
        // SAFETY: By the type invariant the semaphore is initialized.
        unsafe { bindings::down_write(self.semaphore.get()) };
        // INVARIANT: It was locked for writing just now.
        WriteGuard {
            lock: self,
            _not_send: NotThreadSafe,
        }
    }
}

/// A [`RwSemaphore`] that is locked for reading.
///
/// # Invariants
///
/// This owns one of the readers' holds on `lock`.
#[must_use = "the lock is released when the guard is dropped"]
pub struct ReadGuard<'a, T> {
    lock: &'a RwSemaphore<T>,
    _not_send: NotThreadSafe,
}

// SAFETY: A shared reference to the guard gives a shared reference to the data, and no more.
unsafe impl<T: Sync> Sync for ReadGuard<'_, T> {}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant no writer holds the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held for reading, by the thread that runs this,
        // as the guard cannot be sent.
        unsafe { bindings::up_read(self.lock.semaphore.get()) };
    }
}

/// A [`RwSemaphore`] that is locked for writing.
///
/// # Invariants
///
/// This owns the writer's hold on `lock`.
#[must_use = "the lock is released when the guard is dropped"]
pub struct WriteGuard<'a, T> {
    lock: &'a RwSemaphore<T>,
    _not_send: NotThreadSafe,
}

// SAFETY: A shared reference to the guard gives a shared reference to the data, and no more.
unsafe impl<T: Sync> Sync for WriteGuard<'_, T> {}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant nobody else holds the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held for writing, by the thread that runs this,
        // as the guard cannot be sent.
        unsafe { bindings::up_write(self.lock.semaphore.get()) };
    }
}

#[macros::kunit_tests(rust_sync_rw_semaphore)]
mod tests {
    use super::*;
    use crate::{
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc, //
        },
        workqueue, //
    };

    /// Returns whether another reader can lock the semaphore, and whether another writer can.
    fn is_free<T>(lock: &RwSemaphore<T>) -> (bool, bool) {
        let semaphore = lock.semaphore.get();
        // SAFETY: By the type invariant the semaphore is initialized.
        let read = unsafe { bindings::down_read_trylock(semaphore) } != 0;
        if read {
            // SAFETY: This thread locked the semaphore for reading just now.
            unsafe { bindings::up_read(semaphore) };
        }
        // SAFETY: By the type invariant the semaphore is initialized.
        let write = unsafe { bindings::down_write_trylock(semaphore) } != 0;
        if write {
            // SAFETY: This thread locked the semaphore for writing just now.
            unsafe { bindings::up_write(semaphore) };
        }
        (read, write)
    }

    #[test]
    fn readers_share_the_lock_and_writers_do_not() -> Result {
        let lock = KBox::pin_init(new_rw_semaphore!(7), GFP_KERNEL)?;
        assert_eq!(is_free(&lock), (true, true));
        let reader = lock.read();
        assert_eq!((*reader, is_free(&lock)), (7, (true, false)));
        drop(reader);
        let mut writer = lock.write();
        *writer += 1;
        assert_eq!((*writer, is_free(&lock)), (8, (false, false)));
        drop(writer);
        assert_eq!(is_free(&lock), (true, true));
        assert_eq!(*lock.read(), 8);
        Ok(())
    }

    /// A reader on another thread waits for the writer.
    #[test]
    fn readers_wait_for_a_writer() -> Result {
        let lock = Arc::pin_init(new_rw_semaphore!(Atomic::new(1)), GFP_KERNEL)?;
        let read = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let writer = lock.write();
        let (theirs, result) = (lock.clone(), read.clone());
        workqueue::system().try_spawn(GFP_KERNEL, move || {
            result.store(theirs.read().load(Relaxed), Relaxed);
        })?;
        crate::time::delay::fsleep(crate::time::Delta::from_millis(20));
        assert_eq!(read.load(Relaxed), 0);
        writer.store(2, Relaxed);
        drop(writer);
        while read.load(Relaxed) == 0 {
            crate::time::delay::fsleep(crate::time::Delta::from_millis(1));
        }
        assert_eq!(read.load(Relaxed), 2);
        Ok(())
    }
}
