// SPDX-License-Identifier: GPL-2.0

//! A slot for a page of data, which is read under RCU.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use super::DataPage;
use crate::{
    bindings,
    page::BorrowedPage,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Release, //
        },
        rcu, //
    },
};
use core::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};

/// A slot that has a [`DataPage`], or is empty.
///
/// Threads may use the page under RCU while another thread removes it; it is freed after a grace
/// period. Methods do not sleep, and may be called in any context but NMI.
///
/// # Invariants
///
/// `page` is null, or a page that this owns. A page that was removed is not freed before a grace
/// period has passed.
pub struct PageSlot {
    page: Atomic<*mut bindings::page>,
}

/// A page that is, or was, in a [`PageSlot`], for as long as the RCU read lock is held.
///
/// # Invariants
///
/// The page is that of a [`DataPage`].
pub struct SlotPage<'rcu>(BorrowedPage<'rcu>);

impl Deref for SlotPage<'_> {
    type Target = DataPage;

    #[inline]
    fn deref(&self) -> &DataPage {
        // SAFETY: By the type invariant.
        unsafe { DataPage::from_ref(&self.0) }
    }
}

impl PageSlot {
    /// Creates an empty slot.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self {
            page: Atomic::new(core::ptr::null_mut()),
        }
    }

    /// Returns the page, if there is one.
    #[inline]
    pub fn get<'rcu>(&'rcu self, _rcu: &'rcu rcu::Guard) -> Option<SlotPage<'rcu>> {
        // Acquire, so that the caller sees the page as it was when it was inserted.
        let page = NonNull::new(self.page.load(Acquire))?;
        // SAFETY: By the type invariant the slot owned the page when the pointer was loaded. So the
        // page is not freed before the RCU read lock is dropped, or `self` is, and both outlive
        // `'rcu`.
        // INVARIANT: It is the page of the [`DataPage`] that was inserted.
        Some(SlotPage(unsafe { BorrowedPage::from_raw(page) }))
    }

    /// Returns whether the slot has `page`, which came from it. While the RCU read lock is held, a
    /// page that was removed does not come back. So the slot has had it since [`get`](Self::get).
    #[inline]
    pub fn has(&self, page: &SlotPage<'_>) -> bool {
        self.page.load(Acquire) == page.as_raw()
    }

    /// Inserts a page, unless there is one: then returns the new one.
    #[inline]
    pub fn insert(&self, page: DataPage) -> Result<(), DataPage> {
        let page = ManuallyDrop::new(page);
        // INVARIANT: Only null is replaced. Then the slot owns the page from now on. Release, for
        // the Acquire in `get`.
        match self
            .page
            .cmpxchg(core::ptr::null_mut(), page.as_raw(), Release)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(ManuallyDrop::into_inner(page)),
        }
    }

    /// Removes the page, if there is one, and frees it after a grace period.
    // Not inline: the callback must be in the kernel's image, because a module may be unloaded
    // before the callback runs.
    #[inline(never)]
    pub fn remove(&self) {
        // INVARIANT: The slot is empty from now on.
        let page = self.page.xchg(core::ptr::null_mut(), Full);
        if page.is_null() {
            return;
        }
        // SAFETY: By the type invariant it points to a page.
        let head = unsafe { &raw mut (*page).__bindgen_anon_1.callback_head };
        // SAFETY: The slot owned the page, and `xchg` returns it once. So the head is queued once,
        // and after the grace period no `SlotPage` refers to the page.
        unsafe { bindings::call_rcu(head, Some(free_page)) };
    }
}

/// Frees a page.
///
/// # Safety
///
/// `head` must be the `rcu_head` of a page that the caller owns, and that nothing refers to.
unsafe extern "C" fn free_page(head: *mut bindings::callback_head) {
    const OFFSET: usize = core::mem::offset_of!(bindings::page, __bindgen_anon_1.callback_head);
    let page = head.wrapping_byte_sub(OFFSET).cast();
    // SAFETY: By the requirements of this function, `head` lies in a page that the caller owns.
    unsafe { bindings::__free_pages(page, 0) };
}

impl Default for PageSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PageSlot {
    fn drop(&mut self) {
        let page = *self.page.get_mut();
        if !page.is_null() {
            // SAFETY: By the type invariant the slot owns the page. Nothing refers to it any more,
            // because what `get` returns does not outlive the slot.
            unsafe { bindings::__free_pages(page, 0) };
        }
    }
}

#[cfg(CONFIG_RUST_BLOCK_KUNIT_TEST)]
#[macros::kunit_tests(rust_block_page_slot)]
mod tests {
    use super::*;

    fn page(byte: u8) -> Result<DataPage> {
        let page = DataPage::new(GFP_KERNEL)?;
        page.fill(0, 1, byte)?;
        Ok(page)
    }

    fn byte(slot: &PageSlot) -> Option<u8> {
        let guard = rcu::read_lock();
        let page = slot.get(&guard)?;
        page.byte(0).ok()
    }

    #[test]
    fn only_an_empty_slot_takes_a_page() -> Result {
        let slot = PageSlot::new();
        assert_eq!(byte(&slot), None);
        assert!(slot.insert(page(1)?).is_ok());
        let refused = slot.insert(page(2)?).err();
        assert_eq!(refused.map(|page| page.byte(0)), Some(Ok(2)));
        assert_eq!(byte(&slot), Some(1));

        slot.remove();
        slot.remove();
        assert_eq!(byte(&slot), None);
        assert!(slot.insert(page(3)?).is_ok());
        assert_eq!(byte(&slot), Some(3));
        Ok(())
    }

    /// A page that was looked up can be used until the RCU read lock is dropped.
    #[test]
    fn removed_page_stays_under_rcu() -> Result {
        let slot = PageSlot::new();
        let second = page(2)?;
        assert!(slot.insert(page(1)?).is_ok());
        let guard = rcu::read_lock();
        let old = slot.get(&guard);
        assert!(old.as_ref().is_some_and(|old| slot.has(old)));
        slot.remove();
        assert!(slot.insert(second).is_ok());
        assert!(old.as_ref().is_some_and(|old| !slot.has(old)));
        assert_eq!(old.map(|page| page.byte(0)), Some(Ok(1)));
        drop(guard);
        rcu::rcu_barrier();
        assert_eq!(byte(&slot), Some(2));
        Ok(())
    }
}
